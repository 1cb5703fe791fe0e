/// How each kind of write is asked for. `key` is its text, too.
extension Write {
    /// `rest`: more members of the body.
    static func registration(_ kind: String, key: String, by actor: String, rest: String = "") -> Write {
        let json = """
            {"product":"omnivox","kind":"\(kind)","subject":"\(key)","description":"Since nine.",\
            "details":{"os_version":"1","product_version":"2","browser_version":"3"}\(rest.isEmpty ? "" : ",\(rest)")}
            """
        return Write(
            key: key, actor: actor, kind: .create, action: "register", tickets: [], path: "/v1/tickets", json: json)
    }

    /// `call`: as the path says it. `parts` go with the ticket.
    static func step(
        _ call: String, _ ticket: String, parts: [String] = [], key: String, by actor: String, json: String
    ) -> Write {
        Write(
            key: key, actor: actor, kind: .step, action: call.replacing("-", with: "_"), tickets: [ticket] + parts,
            path: "/v1/tickets/\(ticket)/\(call)", json: json)
    }

    static func comment(_ ticket: String, isInternal: Bool, key: String, by actor: String) -> Write {
        Write(
            key: key, actor: actor, kind: .comment, action: isInternal ? "comment_internal" : "comment",
            tickets: [ticket], path: "/v1/tickets/\(ticket)/comments",
            json: #"{"body":"\#(key)"\#(isInternal ? #","internal":true"# : "")}"#)
    }

    static func attachment(_ ticket: String, size: Int, key: String, by actor: String) -> Write {
        Write(
            key: key, actor: actor, kind: .attach, action: "attach", tickets: [ticket],
            path: "/v1/tickets/\(ticket)/attachments?filename=\(key)", json: "", size: size)
    }

    /// `body`: of the step that is done with each.
    static func batch(_ action: String, _ tickets: [String], key: String, by actor: String, body: String) -> Write {
        let names = tickets.map { "\"\($0)\"" }.joined(separator: ",")
        return Write(
            key: key, actor: actor, kind: .batch, action: action, tickets: tickets, path: "/v1/tickets/batch",
            json: #"{"tickets":[\#(names)],"action":"\#(action)","body":{\#(body)}}"#)
    }

    static func run(key: String, by actor: String) -> Write {
        Write(
            key: key, actor: actor, kind: .run, action: "auto_close", tickets: [], path: "/v1/jobs/auto-close",
            json: "{}")
    }

    /// Of the users that the administrator makes.
    static let host = "made.example.com"

    static func user(key: String, by actor: String) -> Write {
        Write(
            key: key, actor: actor, kind: .make, action: "user", tickets: [], path: "/v1/users",
            json: #"{"email":"\#(key)@\#(host)","name":"\#(key)","role":"engineer"}"#)
    }

    static func release(_ version: String, key: String, by actor: String) -> Write {
        Write(
            key: key, actor: actor, kind: .make, action: "release", tickets: [], path: "/v1/releases",
            json: #"{"product":"omnivox","version":"\#(version)","notes":"\#(key)"}"#)
    }

    /// `tag`: of what its author has seen.
    static func edit(_ ticket: String, ifMatch tag: String, key: String, by actor: String) -> Write {
        var write = Write(
            key: key, actor: actor, kind: .edit, action: "edit", tickets: [ticket], path: "/v1/tickets/\(ticket)",
            json: #"{"tags":["\#(key)"]}"#)
        write.ifMatch = tag
        return write
    }
}
