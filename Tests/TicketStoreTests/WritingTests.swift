import Digests
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct WritingTests {
    @Test(arguments: Samples.products)
    func `what was written is read back as it was`(product: String) async throws {
        try await World.with { world in
            let registered = try await world.register(product)
            #expect(try await world.store.ticket(registered.id, at: world.clock.now, .staff)?.ticket == registered)
            let assigned = try await world.take(
                .assign([User.ada.id, User.grace.id], priority: .high), on: registered.id, by: .ada)
            let solved = try await world.take(
                .solve(Solving(comment: "Готово", type: .individualWork, release: nil)), on: registered.id, by: .ada)
            let record = try #require(
                try await world.store.ticket(registered.id, at: world.clock.now, World.access(.carol)))
            #expect(record.ticket == solved && assigned.state == .assigned)
            #expect(record.people == [User.carol.id: "Carol", User.ada.id: "Ada", User.grace.id: "Grace"])
            #expect(record.mayConfirm)
            let colin = try await world.store.ticket(registered.id, at: world.clock.now, World.access(World.colin))
            #expect(colin?.mayConfirm == (product != "omnivox"))
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    /// What waits to be sorted in is read from end to end by every list of somebody's tickets.
    @Test func `whose ticket it is waits for nobody`() async throws {
        try await World.with { world in
            let ticket = try await world.solved()
            try await world.take(.confirm(nil), on: ticket.id, by: .carol)
            try await world.asSuperuser(
                """
                DO $$ BEGIN
                    ASSERT gin_clean_pending_list('tickets_assignees_idx') = 0;
                    ASSERT gin_clean_pending_list('tickets_closed_assignees_idx') = 0;
                END $$
                """)
        }
    }

    @Test func `of contracts that overlap one is made, however many come at once`() async throws {
        try await World.with { world in
            let initech = Organization(code: "initech", name: "Initech")
            try await world.store.create(initech, answer: World.noAnswer, .staff)
            for round in 1...60 {
                // Each round another fifty days.
                let first = 22_000 + 50 * round
                let failures = await withTaskGroup(of: StoreError?.self) { group in
                    for day in 1...16 {
                        group.addTask(executorPreference: world.loop) {
                            let contract = Contract(
                                id: .make(), organization: "initech", product: "dialog", plan: nil,
                                validFrom: CalendarDate(daysSince1970: first + day),
                                validTo: CalendarDate(daysSince1970: first + 40),
                                autoCloseAfterWorkingDays: nil, responsibleContacts: [])
                            do throws(StoreError) {
                                try await world.store.create(contract, answer: World.noAnswer, .staff)
                                return nil
                            } catch { return error }
                        }
                    }
                    return await group.reduce(into: [StoreError]()) { if let error = $1 { $0.append(error) } }
                }
                let overlaps = failures.count { if case .violates("contracts_overlap") = $0 { true } else { false } }
                #expect(failures.count == 15 && overlaps == 15, "\(failures)")
            }
        }
    }

    @Test func `of a hundred that race one wins each version and no update is lost`() async throws {
        try await World.with { world in
            let ticket = try await world.register()
            let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<100 {
                    group.addTask(executorPreference: world.loop) {
                        do {
                            try await world.take(.comment("comment \(number)"), on: ticket.id, by: .carol)
                            return true
                        } catch StoreError.faster { return false }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            let after = try #require(try await world.store.ticket(ticket.id, at: world.clock.now, .staff)).ticket
            #expect(wins >= 1 && after.version == 1 + wins)
            let events = try await world.store.events(ticket.id, PageRequest(limit: 200), .staff)?.items ?? []
            #expect(events.map(\.event.seq) == Array(1...after.version))
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `two tickets that are merged into each other end as one closed and one open`() async throws {
        try await World.with { world in
            for _ in 0..<5 {
                let one = try await world.register()
                let other = try await world.register()
                await withTaskGroup(of: Void.self) { group in
                    for (from, into) in [(one.id, other.id), (other.id, one.id)] {
                        group.addTask(executorPreference: world.loop) {
                            _ = try? await world.take(.merge(into: into), on: from, by: .ada)
                        }
                    }
                }
                let states = try await [one, other].asyncMap {
                    try await world.store.ticket($0.id, at: world.clock.now, .staff)?.ticket.state
                }
                #expect(states.filter { $0 == .closed }.count <= 1)
            }
        }
    }

    @Test func `a whole and its parts are solved, each once, whoever finishes the list`() async throws {
        try await World.with { world in
            let whole = try await world.register(by: .carol, blocking: true)
            var parts: [TicketID] = []
            for _ in 0..<5 { parts.append(try await world.register(by: .ada, partOf: whole.id).id) }
            try await world.take(.assign([User.ada.id], priority: nil), on: whole.id, by: .ada)
            // The head of the list is committed, and the process dies: nobody works it off.
            let ground = try #require(try await world.store.changeGround(whole.id, at: world.clock.now, .staff))
            let solving = Solving(comment: "Fixed for all", type: .individualWork, release: nil)
            let change = try Lifecycle.decide(
                .solve(solving), on: ground.record.ticket, by: Actor(User.ada), at: world.clock.now,
                rules: Samples.rules("smartivr"), contract: ground.contract)
            let list = NewFollowUp(id: .make(), kind: .solveParts, solving: solving)
            try await world.store.write(change, answer: nil, extras: WriteExtras(beginsFollowUp: list), .staff)
            // Several instances find it at once.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask(executorPreference: world.loop) {
                        try await world.store.finishAbandonedFollowUps(olderThan: 0)
                    }
                }
                try await group.waitForAll()
            }
            for part in parts {
                let ticket = try #require(try await world.store.ticket(part, at: world.clock.now, .staff)).ticket
                #expect(ticket.state == .solved && ticket.version == 2)
                #expect(ticket.solution?.comment == "Fixed for all")
            }
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }
}

extension Sequence {
    func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var out: [T] = []
        for element in self { out.append(try await transform(element)) }
        return out
    }
}

@Suite struct WritingRegressionTests {
    @Test func `a part that nobody was assigned to can be disputed`() async throws {
        try await World.with { world in
            let whole = try await world.register(by: .carol, blocking: true)
            let part = try await world.register(by: .ada, partOf: whole.id)
            let ground = try #require(try await world.store.changeGround(part.id, at: world.clock.now, .staff))
            let solved = try Lifecycle.decide(
                .solve(Solving(comment: "Fixed", type: .individualWork, release: nil)), on: ground.record.ticket,
                by: Actor(User.ada), at: world.clock.now, rules: Samples.rules("smartivr"), contract: ground.contract,
                cause: .following)
            try await world.store.write(solved, answer: nil, extras: WriteExtras(), .staff)
            let disputed = try await world.take(.dispute("No"), on: part.id, by: .carol)
            #expect(disputed.state == .assigned && disputed.assignees.isEmpty)
        }
    }

    @Test func `a ticket that is already linked as a duplicate can be merged`() async throws {
        try await World.with { world in
            let one = try await world.register()
            let other = try await world.register()
            try await world.take(.link(Link(type: .duplicateOf, ticket: other.id)), on: one.id, by: .ada)
            let merged = try await world.take(.merge(into: other.id), on: one.id, by: .ada)
            #expect(merged.state == .closed)
            #expect(try await world.store.ticket(one.id, at: world.clock.now, .staff)?.links.count == 1)
        }
    }

    @Test func `of two that make each other a part one wins, at once`() async throws {
        try await World.with { world in
            for _ in 0..<10 {
                let one = try await world.register(blocking: true).id
                let other = try await world.register(blocking: true).id
                let third = try await world.register(blocking: true).id
                await withTaskGroup(of: Void.self) { group in
                    for (part, whole) in [(one, other), (other, one), (other, third)] {
                        group.addTask(executorPreference: world.loop) {
                            _ = try? await world.take(.link(Link(type: .partOf, ticket: whole)), on: part, by: .ada)
                        }
                    }
                }
            }
            #expect(try await world.store.verify { _ in }.breaks == [])
        }
    }

    @Test func `publishing solves the parts that joined a waiting whole`() async throws {
        try await World.with { world in
            let whole = try await world.register(blocking: true)
            try await world.take(.assign([User.ada.id], priority: nil), on: whole.id, by: .ada)
            let release = Release(
                product: "smartivr", version: "4.0", notes: nil, createdAt: world.clock.now, publishedAt: nil)
            try await world.store.create(release, by: User.grace.id, answer: World.noAnswer, World.access(.grace))
            let solving = Solving(comment: "Comes with 4.0", type: .massUpdate, release: "4.0")
            try await world.take(.planSolution(solving), on: whole.id, by: .ada)
            let part = try await world.register(by: .ada, partOf: whole.id)
            let done = try await world.store.publish(release, by: .grace, at: world.clock.now, World.access(.grace))
            #expect(done?.solved == [whole.id, part.id])
            let solved = try await world.store.ticket(part.id, at: world.clock.now, .staff)?.ticket
            #expect(solved?.state == .solved && solved?.solution?.comment == "Comes with 4.0")
        }
    }
}
