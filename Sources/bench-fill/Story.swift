import Regulations
import Tickets

/// Which ticket is to be made: numbered and dated before, so that blocks of them can be made side by side.
struct Plot: Sendable {
    /// From 0 in the whole database.
    let place: Int
    let customer: Int
    let product: Int
    let number: Int64
    /// Milliseconds since 1970.
    let registeredAt: Int64
}

/// The life of one ticket, step by step through the service's own lifecycle: states, versions, events, digests and
/// hashes are what it decides.
struct Story {
    let cast: Cast
    /// Milliseconds since 1970; nothing happens later.
    let until: Int64
    /// How many tickets there will be in all.
    let total: Int
    let allSolved: Bool
    var generator: SeededGenerator
    private(set) var changes: [Change] = []
    private var isRussian = true

    init(cast: Cast, until: Int64, total: Int, allSolved: Bool, generator: SeededGenerator) {
        self.cast = cast
        self.until = until
        self.total = total
        self.allSolved = allSolved
        self.generator = generator
    }

    /// Makes the whole life. `earlier` is another ticket of the organization, `twin` one of the product, too.
    mutating func tell(_ plot: Plot, earlier: TicketID?, twin: TicketID?) throws(Refusal) {
        changes.removeAll(keepingCapacity: true)
        isRussian = generator.isOnce(in: 0.6)
        let customer = cast.customers[plot.customer]
        let reporter = customer.people[customer.peopleSkew.draw(&generator)]
        let rules = cast.products[plot.product]
        guard let contract = customer.contracts[plot.product] else {
            preconditionFailure("tickets are plotted for what the customer bought")
        }
        var scene = Scene(
            rules: rules,
            contract: ContractTerms(
                id: contract.id, plan: contract.plan, autoCloseAfterWorkingDays: nil,
                responsibleContacts: contract.responsibleContacts),
            reporter: Actor(reporter),
            confirmer: Actor(rules.policy.confirmers == .anyContact ? reporter : customer.people[0]),
            engineer: Actor(cast.engineer(&generator)))
        register(plot, &scene, follows: generator.isOnce(in: 0.03) ? earlier : nil)
        let years = Double(until - plot.registeredAt) / 31_557_600_000
        // One in twenty is open in all, most of them registered in the last months.
        if allSolved || generator.isOnce(in: 0.006 + 0.84 * Self.decay(years)) {
            try leaveOpen(plot, &scene)
        } else {
            try close(plot, &scene, twin: twin)
        }
    }

    private struct Scene {
        let rules: TicketRules
        let contract: ContractTerms
        let reporter: Actor
        let confirmer: Actor
        let engineer: Actor
        /// Milliseconds since 1970.
        var now: Int64 = 0
    }

    /// e to the power of minus three times `years`, nearly.
    private static func decay(_ years: Double) -> Double {
        var value = 1 + years * 3 / 16
        for _ in 0..<4 { value *= value }
        return 1 / value
    }

    private mutating func register(_ plot: Plot, _ scene: inout Scene, follows: TicketID?) {
        let policy = scene.rules.policy
        let isByEmployee = generator.isOnce(in: 0.3)
        let kind = policy.kinds[min(generator.below(policy.kinds.count), generator.below(policy.kinds.count))]
        let channel = generator.isOnce(in: 0.5) ? Registration.apiChannel : generator.pick(policy.channels)
        var details: [String: String] = [:]
        for rule in policy.details
        where rule.isRequired(kind: kind, channel: channel)
            || policy.atLeastOneOf.contains(where: { $0.last == rule.key })
        {
            details[rule.key] = "\(rule.key.prefix(4)) \(1 + generator.below(40))"
        }
        let chance = generator.unit()
        let draft = Draft(
            product: policy.code, kind: kind, subject: Words.subject(isRussian: isRussian, &generator),
            description: Words.description(ticket: plot.place, of: total, isRussian: isRussian, &generator),
            details: details, blocking: generator.isOnce(in: 0.04), channel: channel,
            tags: generator.isOnce(in: 0.25) ? ["tag\(min(generator.below(60), generator.below(60)))"] : [],
            organization: cast.customers[plot.customer].organization.code,
            reporter: scene.reporter.id ?? cast.customers[plot.customer].people[0].id,
            priority: isByEmployee && chance < 0.3 ? .high : nil, follows: follows)
        scene.now = plot.registeredAt
        changes.append(
            Registration.decide(
                draft, number: plot.number, contract: scene.contract,
                by: isByEmployee ? scene.engineer : scene.reporter,
                at: Instant(milliseconds: scene.now), rules: scene.rules))
    }

    /// Takes a step at `at`, or right after the one before.
    private mutating func take(_ step: Step, by actor: Actor, at: Int64, _ scene: inout Scene) throws(Refusal) {
        guard let ticket = changes.last?.ticket else { return }
        scene.now = max(at, scene.now + 1)
        changes.append(
            try Lifecycle.decide(
                step, on: ticket, by: actor, at: Instant(milliseconds: scene.now), rules: scene.rules,
                contract: scene.contract))
    }

    private mutating func say(_ words: Int) -> String {
        Words.sentence(words + generator.below(words), isRussian: isRussian, &generator)
    }

    private mutating func solution() -> Solving {
        Solving(comment: say(4), type: generator.isOnce(in: 0.9) ? .individualWork : .massUpdate, release: nil)
    }

    private mutating func assign(_ scene: inout Scene, at: Int64) throws(Refusal) {
        var assignees = [scene.engineer.id].compactMap { $0 }
        if generator.isOnce(in: 0.05) {
            let other = cast.engineer(&generator).id
            if other != assignees.first { assignees.append(other) }
        }
        try take(
            .assign(assignees, priority: generator.isOnce(in: 0.05) ? .high : nil), by: scene.engineer, at: at, &scene)
    }

    // MARK: Endings

    private mutating func close(_ plot: Plot, _ scene: inout Scene, twin: TicketID?) throws(Refusal) {
        // Two hours to six weeks, the short ones often.
        let weight = generator.unit()
        let life = min(
            7_200_000 + Int64(weight * weight * weight * 3_628_800_000), (until - plot.registeredAt) * 9 / 10)
        func after(_ part: Double) -> Int64 { plot.registeredAt + Int64(Double(life) * part) }
        let way = generator.unit()
        if way < 0.06 {
            try take(.comment(say(5)), by: scene.reporter, at: after(0.3), &scene)
            return try take(
                .withdraw(generator.isOnce(in: 0.5) ? say(3) : nil), by: scene.reporter, at: after(0.9), &scene)
        }
        try assign(&scene, at: after(0.1))
        if way < 0.08, let twin { return try take(.merge(into: twin), by: scene.engineer, at: after(0.2), &scene) }
        if generator.isOnce(in: 0.15) {
            try take(.commentInternal(say(4)), by: scene.engineer, at: after(0.2), &scene)
        }
        if generator.isOnce(in: 0.08) {
            try take(.requestInformation(say(3)), by: scene.engineer, at: after(0.3), &scene)
            try take(.comment(say(4)), by: scene.reporter, at: after(0.4), &scene)
        }
        try take(.solve(solution()), by: scene.engineer, at: after(0.5), &scene)
        if generator.isOnce(in: 0.03) {
            try take(.dispute(say(4)), by: scene.confirmer, at: after(0.6), &scene)
            try take(.solve(solution()), by: scene.engineer, at: after(0.7), &scene)
        }
        // The job comes in the night after the deadline.
        let night = (changes.last?.ticket.autoClose?.at?.milliseconds).map {
            $0 + 7_200_000 + Int64(generator.below(600_000))
        }
        if let night, night < until, generator.isOnce(in: 0.3) {
            return try take(.autoClose, by: .autoClose, at: night, &scene)
        }
        try take(.confirm(generator.isOnce(in: 0.6) ? say(3) : nil), by: scene.confirmer, at: after(1), &scene)
    }

    private mutating func leaveOpen(_ plot: Plot, _ scene: inout Scene) throws(Refusal) {
        let span = until - plot.registeredAt
        // Work begins within days; what is newer has had less.
        let first = plot.registeredAt + min(span / 4, 60_000 + Int64(generator.below(172_800_000)))
        let way = allSolved ? 1 : generator.unit()
        if way < 0.25 {
            if generator.isOnce(in: 0.5) { try take(.comment(say(4)), by: scene.reporter, at: first, &scene) }
            return
        }
        try assign(&scene, at: first)
        if generator.isOnce(in: 0.5) {
            try take(.commentInternal(say(4)), by: scene.engineer, at: first + span / 8, &scene)
        }
        if generator.isOnce(in: 0.6) { try take(.comment(say(4)), by: scene.engineer, at: first + span / 6, &scene) }
        if way < 0.65 { return }
        if way < 0.8 {
            return try take(.requestInformation(say(4)), by: scene.engineer, at: first + span / 4, &scene)
        }
        // So lately that no deadline has passed.
        let solved = until - min(span / 4, Int64(generator.below(345_600_000)))
        try take(.solve(solution()), by: scene.engineer, at: solved, &scene)
    }
}
