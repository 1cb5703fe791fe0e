import JSONText
import Regulations
import Testing
import Tickets

@testable import TicketAPI

@Suite struct ReadingTests {
    /// `place code` of every fault that reading leaves.
    private func faults(
        _ body: String = "{}", query: String? = nil, _ read: (inout Input) throws -> Void
    ) throws -> [String] {
        var input = Input(try JSONReader.read(Array(body.utf8)), query: query, path: "/v1/x")
        try read(&input)
        do { try input.finish() } catch {
            return error.faults.map { fault in
                switch fault.place {
                case .pointer(let pointer): "\(pointer) \(fault.code)"
                case .parameter(let parameter): "?\(parameter) \(fault.code)"
                }
            }
        }
        return []
    }

    @Test(arguments: [
        (#"{"a": "x"}"#, []), (#"{}"#, ["/a missing"]), (#"{"a": null}"#, ["/a missing"]),
        (#"{"a": 1}"#, ["/a not_a_string"]),
        (#"{"a": " \u00a0\u2003"}"#, ["/a blank"]), (#"{"a": ""}"#, ["/a blank"]),
        (#"{"a": "x\u0000"}"#, ["/a nul_character"]),
        (#"{"a": "жжжж"}"#, []), (#"{"a": "жжжжж"}"#, ["/a too_long"]), (#"{"a": "👩‍👩‍👧"}"#, ["/a too_long"]),
        (#"{"a": "x", "b/~": 1}"#, ["/b~1~0 unknown_member"]), (#"[]"#, [" not_an_object"]),
        (#"{"b": 1}"#, ["/a missing", "/b unknown_member"]),
    ])
    func `a text is measured in scalars and every fault is found`(body: String, expected: [String]) throws {
        #expect(try faults(body) { _ = $0.body.text("a", required: true, max: 4) } == expected)
    }

    @Test(arguments: [
        (#"{"tags": []}"#, []), (#"{"tags": ["a", "b"]}"#, []), (#"{"tags": ["a", "a"]}"#, ["/tags/1 duplicate"]),
        (#"{"tags": ["", 1, "a", "a"]}"#, ["/tags/1 not_a_string", "/tags/0 empty", "/tags/3 duplicate"]),
        (#"{"tags": "a"}"#, ["/tags not_an_array"]),
        (#"{"tags": [""]}"#, ["/tags/0 empty"]), (#"{"tags": ["\u00e9", "e\u0301"]}"#, []),
    ])
    func `tags are distinct, byte for byte`(body: String, expected: [String]) throws {
        #expect(try faults(body) { _ = $0.body.tags() } == expected)
    }

    @Test func `there are up to 20 tags of up to 50 scalars`() throws {
        let twenty = (1...20).map { "\"\($0)\"" }.joined(separator: ",")
        #expect(try faults("{\"tags\":[\(twenty)]}") { _ = $0.body.tags() } == [])
        #expect(try faults("{\"tags\":[\(twenty),\"x\"]}") { _ = $0.body.tags() } == ["/tags too_many"])
        let fifty = String(repeating: "ж", count: 50)
        #expect(try faults("{\"tags\":[\"\(fifty)\"]}") { _ = $0.body.tags() } == [])
        #expect(try faults("{\"tags\":[\"\(fifty)ж\"]}") { _ = $0.body.tags() } == ["/tags/0 too_long"])
    }

    @Test(arguments: [
        (nil, []), ("limit=1", []), ("limit=200", []), ("limit=0", ["?limit out_of_range"]),
        ("limit=201", ["?limit out_of_range"]), ("limit=", ["?limit not_an_integer"]),
        ("limit=+1", ["?limit not_an_integer"]),
        ("limit=1.0", ["?limit not_an_integer"]), ("limit=99999999999999999999", ["?limit out_of_range"]),
        ("limit=1&limit=1", ["?limit repeated_parameter"]),
        ("x=1&x=2&y", ["?x unknown_parameter", "?y unknown_parameter"]),
        ("%FF=1", ["?%FF not_utf8"]), ("limit=%zz", ["?limit not_utf8"]), ("cursor=abc", ["?cursor not_a_cursor"]),
        ("cursor=", ["?cursor not_a_cursor"]), ("&&", []), ("limit=-1", ["?limit out_of_range"]),
    ])
    func `a query's faults are all found`(query: String?, expected: [String]) throws {
        #expect(try faults(query: query) { _ = $0.page() } == expected)
    }

    @Test(arguments: [
        ("a=2026-11-20T09:30:00%2B03:00", true), ("a=2026-11-20T09:30:00+03:00", true), ("a=2026-11-20", false),
        ("a=2026-11-20T09:30:00Z", true), ("a=2026-11-20%2009:30:00Z", false), ("a=", false),
    ])
    func `a time's plus may arrive as a blank`(query: String, isTime: Bool) throws {
        #expect(try faults(query: query) { _ = $0.query.instant("a") }.isEmpty == isTime)
    }

    @Test func `a cursor leads back to its keys, in its own list alone`() {
        let keys = ["2026-11-20T09:30:00.000Z", "OMNIVOX-7", ""]
        let cursor = Cursor.encode(keys, scope: "/v1/tickets")
        #expect(Cursor.decode(cursor, scope: "/v1/tickets") == keys)
        #expect(Cursor.decode(cursor, scope: "/v1/users") == nil)
    }

    @Test func `a cursor with any character changed or missing is refused`() {
        let cursor = Array(Cursor.encode(["2026-11-20T09:30:00.000Z", "OMNIVOX-7"], scope: "s").utf8)
        for index in cursor.indices {
            var changed = cursor
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(Cursor.decode(String(decoding: changed, as: UTF8.self), scope: "s") == nil)
            #expect(Cursor.decode(String(decoding: cursor[..<index], as: UTF8.self), scope: "s") == nil)
        }
    }

    @Test func `a cursor holds for any limit and any order of the same filters`() {
        func scope(_ query: String) -> String {
            var input = Input(query: query, path: "/v1/tickets")
            return input.page().scope
        }
        #expect(scope("state=open&tag=a&limit=5") == scope("limit=7&tag=a&state=open"))
        #expect(scope("state=open") != scope("state=closed"))
        #expect(scope("a=b%00c") != scope("a%00b=c"))
    }

    @Test(arguments: [
        ("a@example.com", true), ("a.b+c@sub.example.com", true), ("иван@пример.рф", true), ("a@localhost", true),
        ("", false), ("a", false), ("@example.com", false), ("a@", false), ("a@b@c", false), ("a b@example.com", false),
        ("a@exa mple.com", false), ("a@.com", false), ("a@com.", false), ("a@-x.com", false), ("a@x_y.com", false),
        ("a\u{7}@example.com", false), ("a@example.com\n", false),
    ])
    func `an e-mail address has one at sign and a domain`(text: String, isEmail: Bool) {
        #expect(User.isEmail(text) == isEmail)
    }

    @Test(arguments: [
        (#"{}"#, []), (#"{"dry_run": true, "as_of": "2020-01-01T00:00:00Z"}"#, []),
        (#"{"dry_run": true, "as_of": "2099-01-01T00:00:00Z"}"#, []),
        (#"{"as_of": "2020-01-01T00:00:00Z"}"#, ["/as_of only_with_dry_run"]), (#"{"as_of": null}"#, []),
        (#"{"dry_run": false, "as_of": "2020-01-01T00:00:00Z"}"#, ["/as_of only_with_dry_run"]),
        (#"{"plan": "abc"}"#, []), (#"{"plan": "abc", "dry_run": false}"#, []),
        (#"{"plan": "abc", "dry_run": true}"#, ["/plan not_allowed_here"]),
        (#"{"plan": "abc", "dry_run": true, "as_of": "2020-01-01T00:00:00Z"}"#, ["/plan not_allowed_here"]),
        (#"{"plan": "", "as_of": "x"}"#, ["/as_of not_a_time", "/plan blank", "/as_of only_with_dry_run"]),
    ])
    func `a job looks elsewhere only without closing`(body: String, expected: [String]) throws {
        #expect(try faults(body) { _ = API.jobRequest(&$0, at: Sample.now) } == expected)
    }

    @Test(
        arguments: [
            (nil, []),
            (
                "state=open&state=closed&priority=high&sort=triage&overdue=true&assignee=me&assignee=none",
                ["?assignee repeated_parameter"]
            ),
            ("state=opened", ["?state not_one_of"]), ("priority=", ["?priority not_one_of"]),
            ("sort=id", ["?sort not_one_of"]),
            ("overdue=1", ["?overdue not_one_of"]), ("assignee=bob", ["?assignee not_one_of"]),
            ("query=x", ["?query unknown_parameter"]),
            ("tag=%00", ["?tag nul_character"]), ("registered_from=yesterday", ["?registered_from not_a_time"]),
        ] as [(String?, [String])])
    func `a filter that says nothing is a fault`(query: String?, expected: [String]) throws {
        let caller = Caller(user: Sample.engineer, token: .make(), expiresAt: nil)
        #expect(try faults(query: query) { _ = API.ticketQuery(&$0, by: caller, at: Sample.now) } == expected)
    }

    @Test func `triage shows open tickets unless a state is asked for`() {
        let caller = Caller(user: Sample.engineer, token: .make(), expiresAt: nil)
        func states(_ query: String) -> Set<State> {
            var input = Input(query: query, path: "/v1/tickets")
            return API.ticketQuery(&input, by: caller, at: Sample.now).0.states
        }
        #expect(states("sort=triage") == Set(State.allCases.filter(\.isOpen)))
        #expect(states("sort=triage&state=closed") == [.closed])
        #expect(states("sort=registered_at") == [])
        #expect(states("state=open&state=closed") == Set(State.allCases))
    }
}
