import Regulations
import TicketStore
import Tickets

/// One ticket of the demonstration and how far it has come.
struct DemonstrationStory: Sendable {
    enum Ending: Sendable {
        case registered, assigned, asked, answered, waitingForRelease, solved, disputed, confirmed, withdrawn
        /// Solved so long ago that the job has closed it, where the regulation lets it.
        case unanswered
    }

    let product: String
    let kind: String
    let ending: Ending
    let daysAgo: Int
    let subject: String
    let description: String
    var blocking = false

    static let all: [DemonstrationStory] = [
        .init(
            "maics", "consultation", .confirmed, 40, "Which reports can be mailed?",
            "We need the weekly one on Mondays."),
        .init(
            "maics", "problem", .assigned, 3, "Search finds nothing", "Since the update every search comes back empty."),
        .init(
            "maics", "directory_change", .registered, 1, "A new branch office",
            "Please add the branch “North” to the directory."),
        .init("maics", "suggestion", .withdrawn, 12, "A darker theme", "The evening shift would like it."),
        .init(
            "maics", "access_change", .solved, 5, "Access for the new shift lead", "The same rights as the old one had."
        ),
        .init(
            "maics", "hint_text_change", .unanswered, 70, "A misleading hint",
            "The hint at the date field speaks of months."),
        .init("omnivox", "problem", .waitingForRelease, 2, "No calls come in", "All operators see “no connection”."),
        .init(
            "omnivox", "incident", .asked, 4, "Operator window freezes",
            "After the update the window freezes when a call arrives."),
        .init("omnivox", "incident", .solved, 2, "Recordings are cut short", "The last seconds are missing."),
        .init("omnivox", "service_request", .disputed, 9, "A second queue", "Please set up a queue for partners."),
        .init(
            "omnivox", "development_request", .registered, 2, "Export to a table",
            "We would like to export the call list."),
        .init("omnivox", "incident", .unanswered, 80, "Echo in the headset", "Only on the third floor."),
        .init("call-to-visit", "incident", .registered, 0, "The map does not load", "The visitor sees a grey square."),
        .init(
            "call-to-visit", "problem", .assigned, 1, "Visits cannot be booked", "The button does nothing for anybody."),
        .init("call-to-visit", "service_request", .answered, 3, "A new meeting room", "Room 12 on the second floor."),
        .init("call-to-visit", "incident", .solved, 2, "Wrong time in the invitation", "It is one hour late."),
        .init("call-to-visit", "incident", .unanswered, 50, "The badge prints twice", "Two badges for each visitor."),
        .init("dialog", "consultation", .confirmed, 20, "How long are dialogues kept?", "Our auditors ask."),
        .init("dialog", "outage", .assigned, 0, "The platform is down", "Nobody can sign in."),
        .init("dialog", "incident", .asked, 2, "One message is missing", "The customer wrote it, we do not see it."),
        .init("dialog", "development_request", .registered, 8, "Stickers", "The younger customers ask for them."),
        .init("dialog", "incident", .solved, 30, "A photo stays blurred", "Only the preview is shown."),
        .init(
            "smartivr", "mass_incident", .answered, 1, "The menu is silent", "Callers hear nothing after the greeting."),
        .init(
            "smartivr", "consultation", .confirmed, 15, "How do we record a greeting?",
            "The old one names a product we no longer sell."),
        .init(
            "smartivr", "incident", .disputed, 7, "The holiday schedule is ignored",
            "On the 4th the menu spoke of working hours."),
        .init("smartivr", "incident", .solved, 3, "Digits are recognised twice", "1 becomes 11 on some telephones."),
    ]

    init(
        _ product: String, _ kind: String, _ ending: Ending, _ daysAgo: Int, _ subject: String, _ description: String
    ) {
        self.product = product
        self.kind = kind
        self.ending = ending
        self.daysAgo = daysAgo
        self.subject = subject
        self.description = description
    }

    /// Writes the ticket's history, which ends before now.
    func tell(_ session: Session, _ users: [String: User]) async throws {
        guard let policy = session.rulebook.current[product], let customer = customer(users),
            let engineer = users[Demonstration.engineer.email]
        else { return }
        let begin = session.now().microseconds - Int64(daysAgo) * 86_400_000_000 - 5 * 3_600_000_000
        func at(_ minutes: Int64) -> Instant {
            Instant(microseconds: begin + minutes * 60_000_000).truncatedToMilliseconds()
        }
        let (asking, helping) = (Actor(customer), Actor(engineer))
        var history = try await History(draft(policy, customer), by: asking, at: at(0), session)
        if ending == .registered { return }
        if ending == .withdrawn {
            return try await history.take(.withdraw("It is no longer needed."), by: asking, at: at(200))
        }
        try await history.take(.assign([engineer.id], priority: nil), by: helping, at: at(20))
        try await history.take(.commentInternal("Looks like something we have seen before."), by: helping, at: at(25))
        switch ending {
        case .registered, .withdrawn, .assigned: return
        case .asked, .answered:
            try await history.take(.requestInformation("When did it begin, and for whom?"), by: helping, at: at(40))
            if ending == .answered {
                try await history.take(.comment("This morning, for everybody."), by: asking, at: at(90))
            }
        case .waitingForRelease:
            let solving = Solving(
                comment: "Fixed in \(Demonstration.release), which comes this week.", type: .massUpdate,
                release: Demonstration.release)
            try await history.take(.planSolution(solving), by: helping, at: at(90))
        case .solved, .disputed, .confirmed, .unanswered:
            let solving = Solving(
                comment: "We have set it right; please look and confirm.", type: .individualWork, release: nil)
            try await history.take(.solve(solving), by: helping, at: at(120))
            if ending == .disputed {
                try await history.take(.dispute("It is still the same here."), by: asking, at: at(240))
            }
            if ending == .confirmed { try await history.take(.confirm("Thank you!"), by: asking, at: at(240)) }
            let nightly = (history.ticket.autoClose?.at?.microseconds).map { $0 + 2 * 3_600_000_000 }
            if ending == .unanswered, let nightly, nightly < session.now().microseconds {
                try await history.take(.autoClose, by: .autoClose, at: Instant(microseconds: nightly))
            }
        }
    }

    /// The first contact of the product's customer.
    private func customer(_ users: [String: User]) -> User? {
        let organization = ["maics": "romashka", "omnivox": "romashka", "smartivr": "sever-bank"][product] ?? "volna"
        return Demonstration.people.first { $0.organization == organization }.flatMap { users[$0.email] }
    }

    private static let sampleDetails = [
        "steps_to_reproduce": "Open the search, type a name, press Enter.", "actual_result": "An empty list.",
        "expected_result": "The list of matches.", "os_version": "Windows 11", "product_version": "4.2.1",
        "browser_version": "Edge 130", "organization_name": "Volna Logistics",
        "organization_address": "1 Example Street", "contact_name": "Rita Morskaya", "category": "Chat",
        "contact_email": "rita.morskaya@volna.example.com",
    ]

    private func draft(_ policy: Policy, _ customer: User) -> Draft {
        var keys = policy.details.filter { $0.isRequired(kind: kind, channel: Registration.apiChannel) }.map(\.key)
        for group in policy.atLeastOneOf { keys += group.filter { Self.sampleDetails[$0] != nil }.prefix(1) }
        let details = Dictionary(keys.map { ($0, Self.sampleDetails[$0] ?? "not recorded") }) { first, _ in first }
        return Draft(
            product: product, kind: kind, subject: subject, description: description, details: details,
            organization: customer.organization ?? "", reporter: customer.id)
    }
}
