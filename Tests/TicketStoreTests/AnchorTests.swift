import Digests
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct AnchorTests {
    /// An anchor of what is there, with everything that was said on the way.
    private static func anchor(
        _ store: PostgresStore, from start: Anchor = .beginning
    ) async throws -> (end: Anchor, heads: [ChainHead]) {
        var heads: [ChainHead] = []
        let end = try await store.anchor(from: start) { _, page in heads += page }
        return (end, heads)
    }

    @Test func `the root is what the recipe says`() async throws {
        try await World.with { world in
            #expect(try await Self.anchor(world.store).end == .beginning)
            let ticket = try await world.register("smartivr")
            let (anchor, heads) = try await Self.anchor(world.store)
            let first = Digest(of: "reglament-anchor-v1").hex
            let root = Digest(of: "\(first)\n1 \(ticket.id) 1 \(ticket.eventHash.hex)")
            #expect(anchor == Anchor(place: 1, root: root))
            #expect(heads.map(\.ticket) == ["\(ticket.id)"])
            #expect(heads.map(\.seq) == [1])
            #expect(heads.map(\.hash) == [String(ticket.eventHash.hex.prefix(16))])
        }
    }

    @Test func `going on from an anchor ends where beginning anew does`() async throws {
        try await World.with { world in
            let ticket = try await world.register("smartivr")
            let first = try await Self.anchor(world.store).end
            try await world.take(.assign([User.ada.id], priority: nil), on: ticket.id, by: .ada)
            _ = try await world.register("omnivox")
            let second = try await Self.anchor(world.store, from: first)
            #expect(second.end == (try await Self.anchor(world.store).end))
            #expect(second.end.place == 3)
            #expect(second.heads.map { "\($0.ticket) \($0.seq)" } == ["OMNIVOX-1 1", "SMARTIVR-1 2"])
            var check = AnchorCheck(world.store)
            #expect(try await check.breaks(first, [], at: "then") == [])
            #expect(try await check.breaks(second.end, second.heads, at: "now") == [])
        }
    }

    @Test func `while another sequencer has the lock, its work is waited for`() async throws {
        try await World.with { world in
            _ = try await world.register("smartivr")
            let other = PostgresStore(
                loop: world.loop, connections: .init(url: world.database.ownerURL), rulebook: { Samples.rulebook },
                now: { Samples.noon })
            let sequencer = Task(executorPreference: world.loop) { await other.runSequencer() }
            for _ in 0..<5 {
                let ticket = try await world.register("omnivox")
                #expect(try await Self.anchor(world.store).heads.contains { $0.ticket == "\(ticket.id)" })
            }
            sequencer.cancel()
            await sequencer.value
            await other.close()
        }
    }
}
