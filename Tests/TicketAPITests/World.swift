import Digests
import EventLoop
import HTTPServer
import HTTPWire
import JSONText
import Regulations
import Synchronization
import TestKit
import Testing
import TicketStore
import Tickets

@testable import TicketAPI

/// Everybody who takes part in the tests, each with a token.
enum Person: String, CaseIterable, Sendable {
    /// A customer whom the contracts name as responsible, a colleague of hers whom they don't, and a stranger.
    case carla, cody, gina
    case egor, lena, adam, sven

    var role: Role {
        switch self {
        case .carla, .cody, .gina: .customer
        case .egor: .engineer
        case .lena: .lead
        case .adam: .admin
        case .sven: .service
        }
    }

    var user: User {
        let number = Person.allCases.firstIndex(of: self) ?? 0
        let organization: String? =
            switch self {
            case .carla, .cody: "acme"
            case .gina: "globex"
            case .egor, .lena, .adam, .sven: nil
            }
        return User(
            id: UserID(stored: "u_000000000000000000000\(number)"), email: "\(rawValue)@example.com",
            name: rawValue, role: role, organization: organization)
    }

    var id: String { user.id.text }

    static let secrets = Dictionary(uniqueKeysWithValues: allCases.map { ($0, TokenSecret.make()) })

    static func of(_ role: Role) -> Person {
        switch role {
        case .customer: .carla
        case .engineer: .egor
        case .lead: .lena
        case .admin: .adam
        case .service: .sven
        }
    }
}

/// A whole service over a real PostgreSQL and a real socket, with a clock that the test moves.
struct World: Sendable {
    /// What one test changes under the service.
    final class Clock: Sendable {
        private let instant = Mutex(Sample.now)
        var now: Instant {
            get { instant.withLock { $0 } }
            set { instant.withLock { $0 = newValue } }
        }
    }

    let port: UInt16
    let api: API
    /// Both are used on their loop alone: in `onItsLoop`.
    let store: PostgresStore
    let loop: EventLoop
    let clock: Clock
    let observed: Observations
    let database: TestDatabase
    let transfers: Transfers

    final class Observations: Sendable {
        private let list = Mutex<[Observation]>([])
        func add(_ observation: Observation) { list.withLock { $0.append(observation) } }
        var all: [Observation] { list.withLock { $0 } }
        var answered: [AnsweredRequest] {
            all.compactMap { if case .answered(let request) = $0 { request } else { nil } }
        }
    }

    static let template = TestTemplate("api") { url in
        try await onLoop { loop in
            _ = try await Migrator(url: url, migrations: try Repository.migrations(), loop: loop).up { _ in }
            let rulebook = try Sample.rulebook.get()
            let store = PostgresStore(
                loop: loop,
                connections: ConnectionOptions(
                    url: url, readers: 1, writers: 1, customerWriters: 1, slow: 1, waitMax: .seconds(60)),
                rulebook: { rulebook }, now: { Sample.now })
            try await fill(store, rulebook)
            await store.close()
        }
    }

    private static func fill(_ store: PostgresStore, _ rulebook: Rulebook) async throws {
        let nothing = KeptAnswer(
            status: 201, contentType: "", contentLanguage: nil, location: nil, etag: nil, body: [])
        for code in rulebook.current.keys.sorted() {
            let policy = try #require(rulebook.current[code])
            let bytes = try Repository.bytes("Config/policies/\(code).json")
            let isInstalled = try await store.install(
                policy, document: bytes, sha256: Digest(of: bytes).hex)
            try #require(isInstalled)
        }
        for code in ["acme", "globex"] {
            try await store.create(Organization(code: code, name: code), answer: nothing, .staff)
        }
        for person in Person.allCases {
            try await store.create(person.user, at: Sample.now, answer: nothing, .staff)
            let token = Token(
                id: .make(), user: person.user.id, name: "test", createdAt: Sample.now, expiresAt: nil)
            let hash = TokenSecret.digest(of: Person.secrets[person] ?? "")
            try await store.create(token, hash: hash, answer: nothing, .staff)
        }
        for (organization, contacts) in [("acme", [Person.carla.user.id]), ("globex", [Person.gina.user.id])] {
            for product in rulebook.current.keys.sorted() where organization == "acme" || product == "maics" {
                let contract = Contract(
                    id: .make(), organization: organization, product: product, plan: "extended",
                    validFrom: CalendarDate(daysSince1970: 20_000), validTo: nil, autoCloseAfterWorkingDays: nil,
                    responsibleContacts: contacts)
                try await store.create(contract, answer: nothing, .staff)
            }
        }
    }

    /// `sequences`: a sequencer runs beside it, so that the feed goes on.
    static func with(
        streams: StreamLimits = StreamLimits(), sequences: Bool = false, limits: RateLimits? = nil,
        attachments: AttachmentQuota = AttachmentQuota(), transfers: Transfers = Transfers(),
        _ body: (World) async throws -> Void
    ) async throws {
        let rulebook = try Sample.rulebook.get()
        let texts = try Sample.texts.get()
        try await TestDatabase.with(template) { database in
            let loop = try EventLoop(name: "api")
            try loop.start()
            let clock = Clock()
            let observed = Observations()
            // A store belongs to its loop from the first moment on.
            let store = await Task(executorPreference: loop) {
                PostgresStore(
                    loop: loop,
                    connections: ConnectionOptions(
                        url: database.ownerURL, readers: 1, writers: 3, customerWriters: 3, slow: 3,
                        waitMax: .seconds(20)),
                    rulebook: { rulebook }, now: { clock.now })
            }.value
            let api = API(
                store: store, rulebook: { rulebook }, texts: texts, reference: try Sample.reference.get(),
                attachments: attachments, transfers: transfers, streams: streams, now: { clock.now }, limits: limits,
                metrics: { Array("figures 1\n".utf8) }, observe: observed.add)
            let sequencer = Task(executorPreference: loop) { if sequences { await store.runSequencer() } }
            // A busy machine is no slow client, and some tests hold connections open on purpose.
            var configuration = ServerConfiguration(addresses: [.tcp(host: "127.0.0.1", port: 0)])
            configuration.headSecondsMax = 600
            configuration.bodyStallSecondsMax = 600
            configuration.responseStallSecondsMax = 600
            let server = HTTPServer(
                configuration, loops: [loop],
                handler: { _ in { await api.respond($0) } }, promptly: { _ in { api.respondPromptly($0) } },
                refusal: { [configuration] in api.refusal($0, $1, bodyBytesMax: configuration.bodyBytesMax) },
                refused: { _, refusal, response, address in
                    api.noteRefusal(refusal, response, remoteAddress: address)
                })
            try server.start()
            let port = try #require(server.boundPorts.first)
            let result: Result<Void, any Error>
            let world = World(
                port: port, api: api, store: store, loop: loop, clock: clock, observed: observed,
                database: database, transfers: transfers)
            do { result = .success(try await body(world)) } catch { result = .failure(error) }
            await Task(executorPreference: loop) { api.stopStreams() }.value
            sequencer.cancel()
            await server.stop(drain: .seconds(1))
            await Task(executorPreference: loop) { await store.close() }.value
            loop.stop()
            try result.get()
        }
    }
}

/// An answer that a client got.
struct Reply: Sendable {
    let status: Int
    let fields: Fields
    let body: [UInt8]

    var json: JSON { (try? JSON(body)) ?? JSON(nil) }
    subscript(name: String) -> JSON { json[name] }

    /// `place code` of every fault.
    var faults: [String] {
        json["errors"].array.map { fault in
            let place = fault["pointer"].string ?? "?" + (fault["parameter"].string ?? "")
            return "\(place) \(fault["code"].string ?? "")"
        }
    }

    /// `409 transition-not-allowed`, or the status alone.
    var summary: String {
        let type = json["type"].string.map { $0.replacing("/problems/", with: " ") }
        return status < 400 ? "\(status)" : "\(status)\(type ?? "")"
    }
}

extension World {
    /// What the service does by itself, on its loop.
    func onItsLoop<T: Sendable>(_ body: @escaping @Sendable (World) async throws -> T) async throws -> T {
        try await Task(executorPreference: loop) { try await body(self) }.value
    }

    /// One request on a connection of its own; what it answers must be as the OpenAPI document says.
    func call(
        _ method: String, _ path: String, _ body: String? = nil, as person: Person? = nil,
        fields: [(String, String)] = []
    ) async throws -> Reply {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        if let person { head += "Authorization: Bearer \(Person.secrets[person] ?? "")\r\n" }
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        let names = fields.map { $0.0.lowercased() }
        if let body {
            if !names.contains("content-type") { head += "Content-Type: application/json\r\n" }
            head += "Content-Length: \(body.utf8.count)\r\n"
        }
        let text = head + "\r\n" + (body ?? "")
        let reply = try Reply(try await SocketClient.exchange(port: port, Array(text.utf8)))
        let faults = try Conformance.shared.get().faults(method, path, body, reply)
        #expect(faults == [], "\(method) \(path) is not as the document says: \(reply.status)")
        return reply
    }

    func get(_ path: String, as person: Person, fields: [(String, String)] = []) async throws -> Reply {
        try await call("GET", path, as: person, fields: fields)
    }

    func post(
        _ path: String, _ body: String? = nil, as person: Person, key: String? = nil
    ) async throws -> Reply {
        try await call("POST", path, body, as: person, fields: key.map { [("Idempotency-Key", $0)] } ?? [])
    }

    /// A ticket of acme in a state; registered by Carla, worked on by Egor.
    func ticket(
        _ state: State = .registered, product: String = "maics", blocking: Bool = false, more: String = ""
    ) async throws -> String {
        let kind = product == "maics" ? "consultation" : "service_request"
        let body = """
            {"product":"\(product)","kind":"\(kind)","subject":"S","description":"D","blocking":\(blocking)\(more)}
            """
        let id = try #require(try await post("/v1/tickets", body, as: .carla)["id"].string)
        let steps: [(String, String, Person)] =
            switch state {
            case .registered: []
            case .assigned: [("assign", World.assignment, .egor)]
            case .awaitingInformation:
                [("assign", World.assignment, .egor), ("request-information", #"{"comment":"?"}"#, .egor)]
            case .solved: [("assign", World.assignment, .egor), ("solve", #"{"comment":"!"}"#, .egor)]
            case .closed: [("withdraw", "{}", .carla)]
            }
        for (step, body, person) in steps {
            let reply = try await post("/v1/tickets/\(id)/\(step)", body, as: person)
            try #require(reply.status == 200, "\(step): \(reply.json)")
        }
        return id
    }

    static let assignment = #"{"assignees":["\#(Person.egor.id)"]}"#
}
