import EventLoop
import Glibc

/// Makes tokens, has every instance know them, revokes them at one, and listens how long the others go on believing in them.
final class Revocations: Sendable {
    struct Seen: Sendable {
        var revoked = 0
        /// Seconds from the revocation's answer to the beginning of the last request that a revoked token was good for.
        var longest = 0.0
        var faults: [String] = []
    }

    /// What is promised.
    private static let secondsMax = 1.0

    private let seen = Locked(Seen())
    private let isOver = Locked(false)
    private let thread = Locked<Worker?>(nil)

    /// `admin` makes and revokes tokens of its own.
    init(_ sockets: [String], admin: Person, generator: SeededGenerator) {
        thread.withLock {
            $0 = Worker { [self] in
                var generator = generator
                while !isOver.withLock({ $0 }) {
                    // A service that is being killed answers as it can: another time, then.
                    try? revokeOne(sockets, admin, &generator)
                    sleep(seconds: 0.2)
                }
            }
        }
    }

    /// Ends after the revocation that is under way.
    func close() -> Seen {
        isOver.withLock { $0 = true }
        thread.withLock { $0.take() }?.join()
        return seen.withLock { $0 }
    }

    private func revokeOne(_ sockets: [String], _ admin: Person, _ generator: inout SeededGenerator) throws(Failure) {
        let first = Int.random(in: 0..<sockets.count, using: &generator)
        let line = Line([sockets[first]], patience: 2)
        let made = try line.ask("POST", "/v1/users/\(admin.id)/tokens", token: admin.token, json: #"{"name":"short"}"#)
        guard let id = made.json?["id"]?.text, let token = made.json?["token"]?.text else { throw Failure("no token") }
        let lines = sockets.map { Line([$0], patience: 2) }
        for line in lines { _ = try? line.ask("GET", "/v1/me", token: token) }
        let answer = try line.ask("DELETE", "/v1/users/\(admin.id)/tokens/\(id)", token: admin.token)
        guard answer.status == 204 else { throw Failure("status \(answer.status)") }
        let revoked = monotonic()
        seen.withLock { $0.revoked += 1 }
        while monotonic() < revoked + Self.secondsMax + 0.4 {
            for (number, line) in lines.enumerated() {
                let asked = monotonic() - revoked
                guard let status = try? line.ask("GET", "/v1/me", token: token).status, status == 200 else { continue }
                seen.withLock {
                    $0.longest = max($0.longest, asked)
                    if asked > Self.secondsMax || number == first {
                        $0.faults.append("a revoked token was good for instance \(number + 1) after \(asked) s")
                    }
                }
            }
            sleep(seconds: 0.02)
        }
    }
}
