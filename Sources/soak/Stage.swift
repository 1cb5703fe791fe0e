import EventLoop
import Glibc

/// One database with its people, its journal and those who listen, for some rounds.
final class Stage {
    let site: Site
    let desk: Desk
    let journal: Journal
    let pool = Pool()
    let listeners: [FeedListener]
    /// Rounds so far.
    var rounds = 0

    /// Every socket there will ever be: an instance that does not serve refuses.
    static func sockets(_ site: Site) -> [String] { site.instances.map(\.socket) }

    init(_ site: Site, _ number: Int, generator: SeededGenerator) throws(Failure) {
        self.site = site
        site.set(ServiceTime(rounds: 0))
        try site.renewDatabase("soak_\(number)")
        guard let first = site.instances.first else { preconditionFailure("there is always one instance") }
        try site.start(first)
        guard wait(upTo: 60, until: { first.isReady }) else {
            throw Failure("the service does not start, see \(site.folder)")
        }
        desk = try Desk(Line([first.socket])) { (person) throws(Failure) in
            let organization = person.organization.map { ["--organization", $0] } ?? []
            let words = ["token", "create", "--email", person.email, "--role", person.role]
            return String(try site.command(words + organization).prefix { !$0.isWhitespace })
        }
        _ = first.stop()
        journal = try Journal("\(site.folder)/journal-\(number)")
        let token = desk.integration.token
        listeners = (0..<2).map { place in
            var stream = generator
            for _ in 0...place { _ = stream.next() }
            return FeedListener(Self.sockets(site), token: token, generator: stream)
        }
    }

    func close() {
        for listener in listeners { listener.close() }
        for instance in site.instances { _ = instance.stop() }
    }
}
