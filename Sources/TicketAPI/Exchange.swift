import Digests
import HTTPWire
import JSONText
import Regulations
import Tickets

/// One request of a known caller for a known call, with its body read. By reference, because much of what answers it keeps it
/// until PostgreSQL has answered, and it is large.
///
/// Unchecked: what varies is set before the handler is called, by the one task of its request.
final class Exchange: @unchecked Sendable {
    let request: Request
    let call: Call
    /// What stands in the path's placeholders, in their order.
    let arguments: [String]
    private(set) var caller: Caller
    /// Its key is known when the body is.
    var access: Access
    let language: Language
    /// The UUID by which problems name the request.
    let instance: String
    /// Empty unless the call takes one.
    var body: [UInt8]
    /// What became of a body that is too large for `body`; nil: there is none.
    var upload: Upload?
    /// The service's clock when all of the request was here, whole milliseconds.
    private(set) var now: Instant

    init(
        request: Request, call: Call, arguments: [String], caller: Caller, access: Access, language: Language,
        instance: String, body: [UInt8] = [], now: Instant
    ) {
        (self.request, self.call, self.arguments, self.body) = (request, call, arguments, body)
        (self.caller, self.access) = (caller, access)
        (self.language, self.instance, self.now) = (language, instance, now)
    }

    var role: Role { caller.role }

    /// The body has come, which may have taken its time: who asks, and when.
    func resume(as caller: Caller, at now: Instant) {
        self.caller = caller
        access = Access(caller, key: access.key)
        self.now = now
    }

    /// Refuses a role without the right to the call.
    func admit() throws(Problem) {
        if !Permissions.allows(role, call) { throw Problem(.forbidden) }
    }

    /// Refuses a role that may not even see what the call is about, before anything is looked up.
    func admit(toSee other: Call) throws(Problem) {
        if !Permissions.allows(role, other) { throw Problem(.forbidden) }
    }

    /// The ticket that the path names, if that is a registration number at all.
    func ticketID() throws(Problem) -> TicketID {
        guard let id = TicketID(arguments[0]) else { throw Problem(.notFound) }
        return id
    }

    /// The parameters of a call without a body.
    func input() -> Input { Input(query: request.query, path: request.path) }

    func input(_ node: JSONNode) -> Input { Input(node, query: request.query, path: request.path) }

    /// The body as JSON. A POST with neither body nor `Content-Type` means `{}`.
    func json() throws(Problem) -> JSONNode {
        try ContentType.check(request, isEmpty: body.isEmpty)
        if body.isEmpty && request.method == "POST" && !request.fields.contains("content-type") {
            return JSONNode(.object([]))
        }
        let time = RequestTime.current
        let since = time?.now ?? 0
        defer { if let time { time.parse &+= time.now &- since } }
        do { return try JSONReader.read(body) } catch {
            var problem = Problem(.invalidJSON, ["line": "\(error.line)", "column": "\(error.column)"])
            problem.syntax = error.reason
            throw problem
        }
    }

    /// Refuses a change of a ticket that has moved on since the client read it, or that is what the client says it must not be.
    func checkVersion(of ticket: Ticket, required: Bool = false) throws(Problem) {
        let tags = request.fields.values("if-match")
        if tags.isEmpty {
            if required { throw Problem(.preconditionRequired) }
        } else if !EntityTag.matches(tags, version: ticket.version) {
            throw Problem(.staleVersion)
        }
        if request.fields.contains("if-none-match"),
            EntityTag.names(request.fields.values("if-none-match"), version: ticket.version)
        {
            throw Problem(.staleVersion)
        }
    }
}
