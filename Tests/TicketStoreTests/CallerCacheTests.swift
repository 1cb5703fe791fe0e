import Digests
import EventLoop
import TestKit
import Testing
import Tickets

@testable import TicketStore

@Suite struct CallerCacheTests {
    /// Whether a look-up that began so long ago, and is answered now, is believed.
    private func believes(after age: Duration) -> Bool {
        let caller = Caller(user: .carol, token: .make(), expiresAt: nil)
        let token = Digest(of: "rgl_any")
        while true {
            let cache = CallerCache()
            let revision = CallerCache.currentRevision
            let asked = EventLoop.clock() - UInt64(age / .nanoseconds(1))
            cache.remember(caller, token: token, since: revision, asked: asked)
            let isKnown = cache.caller(token) != nil
            // Other tests revoke tokens, which empties every cache.
            if CallerCache.currentRevision == revision { return isKnown }
        }
    }

    @Test func `an answer that was long on its way is not believed for a second more`() {
        #expect(believes(after: .zero) && believes(after: .milliseconds(100)))
        #expect(!believes(after: .seconds(1)) && !believes(after: .seconds(3)))
    }
}
