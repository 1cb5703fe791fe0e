import TestKit
import Testing
import Tickets

@testable import TicketAPI

@Suite struct RouteTests {
    @Test func `every call has a route of its own`() {
        #expect(Route.all.map(\.call) == Call.allCases)
        #expect(Set(Route.all.map { "\($0.method) \($0.path)" }).count == Call.allCases.count)
    }

    @Test func `the reference lists the routes and the roles of the code, and no others`() throws {
        let text = try Repository.text("docs/reference/api.md")
        let documented = text.split(separator: "\n").filter { $0.hasPrefix("| `") && $0.contains("` | `/") }.map(
            String.init)
        let expected = Route.all.map { route in
            let roles = route.roles.map { $0.map(\.rawValue).joined(separator: ", ") } ?? "no token"
            return "| `\(route.method)` | `\(route.path)` | \(roles) |"
        }
        #expect(documented == expected)
    }

    @Test(arguments: Call.allCases)
    func `a route's path leads to its call with what stands in the placeholders`(call: Call) {
        let route = Route(call)
        let segments = route.path.split(separator: "/", omittingEmptySubsequences: false)
        let path = segments.map { $0.hasPrefix("{") ? "a%2Fb%20%D0%B6" : String($0) }.joined(separator: "/")
        let arguments = segments.filter { $0.hasPrefix("{") }.map { _ in "a/b ж" }
        #expect(Router().match(method: route.method, path: path) == .found(call, arguments))
    }

    @Test(arguments: [
        "/", "/v1", "/v1/", "/v1/tickets/", "/v1//tickets", "//v1/tickets", "/v1/tickets/A-1/", "/v1/Tickets",
        "/v1/attachments", "/v1/tickets/A-1/files", "/v1/events/", "/v1/tickets/A-1/assign/x", "/openapi.json/",
        "/metrics/x", "/docs/x",
        "/v1/tickets/A-1/links/follows", "/v1/tickets/A-1/../A-2/x", "/problems/", "/v1%2Ftickets",
    ])
    func `a path that is not in the table is unknown`(path: String) {
        #expect(Router().match(method: "GET", path: path) == .unknownPath)
    }

    @Test(arguments: [("OPTIONS", "*"), ("CONNECT", "example.com:443")])
    func `a target that is no path is told what can be asked`(method: String, path: String) {
        #expect(
            Router().match(method: method, path: path)
                == .otherMethod(allow: ["DELETE", "GET", "HEAD", "PATCH", "POST"]))
    }

    @Test(arguments: ["/v1/tickets/%", "/v1/tickets/%4", "/v1/tickets/%G1", "/v1/tickets/%FF", "/v1/tickets/%C0%80"])
    func `a path that cannot be decoded is malformed`(path: String) {
        #expect(Router().match(method: "GET", path: path) == .malformed)
    }

    @Test func `a known path says which methods it has, HEAD wherever GET`() {
        let router = Router()
        #expect(router.match(method: "DELETE", path: "/v1/tickets") == .otherMethod(allow: ["GET", "HEAD", "POST"]))
        #expect(
            router.match(method: "OPTIONS", path: "/v1/tickets/A-1") == .otherMethod(allow: ["GET", "HEAD", "PATCH"]))
        #expect(router.match(method: "get", path: "/v1/me") == .otherMethod(allow: ["GET", "HEAD"]))
        #expect(router.match(method: "GET", path: "/v1/jobs/auto-close") == .otherMethod(allow: ["POST"]))
        #expect(router.match(method: "HEAD", path: "/v1/tickets/A-1") == .found(.readTicket, ["A-1"]))
    }
}
