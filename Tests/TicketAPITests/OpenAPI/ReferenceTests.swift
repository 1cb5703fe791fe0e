import HTTPWire
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

/// What the service says of itself, over a real socket.
@Suite struct ReferenceTests {
    private static let pages = ["/openapi.json", "/docs", "/problems", "/problems/stale-version"]

    @Test func `a page is the caller's language, may be kept, and costs 304 the next time`() async throws {
        try await World.with { world in
            for path in Self.pages {
                let english = try await world.call("GET", path)
                let russian = try await world.call("GET", path, fields: [("Accept-Language", "ru")])
                #expect(english.fields.first("content-language") == "en")
                #expect(russian.fields.first("content-language") == "ru")
                #expect(english.body != russian.body)
                #expect(english.fields.values("cache-control") == ["public, max-age=300"])
                #expect(english.fields.values("vary") == ["Accept-Language, Accept-Encoding"])
                let etag = try #require(english.fields.first("etag"))
                #expect(russian.fields.first("etag") != etag)
                let again = try await world.call("GET", path, fields: [("If-None-Match", etag)])
                #expect(again.status == 304)
                #expect(again.body.isEmpty)
                #expect(again.fields.first("etag") == etag)
                let head = try await world.call("HEAD", path)
                #expect(head.status == 200)
                #expect(head.body.isEmpty)
                #expect(head.fields.first("content-length") == "\(english.body.count)")
            }
        }
    }

    @Test func `a page's gzipped form is kept with it, and a 304 to whoever has any form names it`() async throws {
        try await World.with { world in
            for path in Self.pages {
                let gzip = ("Accept-Encoding", "gzip")
                let head = try await world.call("HEAD", path, fields: [gzip])
                #expect(head.fields.first("etag")?.hasSuffix("-gz\"") == true)
                let unchanged = try await world.call("GET", path, fields: [gzip, ("If-None-Match", "*")])
                #expect(unchanged.status == 304)
                #expect(unchanged.fields.first("etag") == head.fields.first("etag"))
            }
        }
        let drawn = try await Sample.reference.get().pages(.en)
        let pages = [drawn.document, drawn.documentation, drawn.problems, drawn.problem[.staleVersion]]
        for page in pages { #expect(page?.gzipped.bytes != nil) }
    }

    @Test(arguments: Language.allCases)
    func `a page has nothing from elsewhere and no link into nothing`(language: Language) async throws {
        let drawn = try await Sample.reference.get().pages(language)
        let pages = [drawn.documentation, drawn.problems] + ProblemType.allCases.compactMap { drawn.problem[$0] }
        #expect(pages.count == ProblemType.allCases.count + 2)
        let documentation = String(decoding: pages[0].bytes, as: UTF8.self)
        let anchors = Set(documentation.matches(of: /id="([^"]+)"/).map { String($0.output.1) })
        for page in pages {
            let text = String(decoding: page.bytes, as: UTF8.self)
            #expect(!text.contains("<script") && !text.contains("src=") && !text.contains("url("))
            for match in text.matches(of: /href="([^"]+)"/) {
                let target = String(match.output.1)
                if target.contains("#") {
                    #expect(target.hasPrefix("#") || target.hasPrefix("/docs#"))
                    #expect(anchors.contains(String(target.drop { $0 != "#" }.dropFirst())), "\(target)")
                } else {
                    #expect(Router().match(method: "GET", path: target).isFound, "\(target)")
                }
            }
            for name in ["table", "tr", "td", "th", "p", "ul", "li", "pre", "code", "section", "nav", "h3", "a"] {
                let opened = text.matches(of: try Regex("<\(name)[ >]")).count
                #expect(opened == text.matches(of: try Regex("</\(name)>")).count, "\(name)")
            }
        }
    }

    @Test func `every call, role, parameter, schema and problem has its place on the page`() async throws {
        let documentation = try await Sample.reference.get().pages(.en).documentation
        let text = String(decoding: documentation.bytes, as: UTF8.self)
        for call in Call.allCases { #expect(text.contains("id=\"\(call.rawValue)\"")) }
        for component in Component.allCases { #expect(text.contains("id=\"schema-\(component.rawValue)\"")) }
        for parameter in Parameter.allCases { #expect(text.contains("<code>\(parameter.name)</code>")) }
        for type in ProblemType.allCases where type.scope != .everyRequest { #expect(text.contains(type.path)) }
    }

    @Test func `the style is the one that the policy lets in`() throws {
        #expect(HTML.securityPolicy.contains("default-src 'none'"))
        let hash = try #require(HTML.securityPolicy.firstMatch(of: /'sha256-([A-Za-z0-9+\/]{43}=)'/))
        #expect(hash.output.1.utf8.count == 44)
    }

    @Test func `a value in a page can close no element`() {
        #expect("<b>&\"x".escapedForHTML == "&lt;b&gt;&amp;&quot;x")
        #expect(HTML.prose("a `<b>` c") == "a <code>&lt;b&gt;</code> c")
    }

    @Test func `a call knows the parameters that the document names, and no others`() async throws {
        try await World.with { world in
            let ticket = try await world.ticket()
            let attachment = try await world.attached([1])
            let contracts = try await world.get("/v1/contracts", as: .adam)
            let contract = try #require(contracts["items"][0]["id"].string)
            for call in Call.allCases where Route(call).method == "GET" && Route(call).roles != nil {
                var path = Route(call).path
                for parameter in call.parameters where parameter.place == .path {
                    let value =
                        switch parameter {
                        case .ticket: ticket
                        case .contract: contract
                        case .attachment: attachment
                        case .user: Person.carla.id
                        case .organizationCode: "acme"
                        case .policy: "maics"
                        default: "ru"
                        }
                    path = path.replacing("{\(parameter.name)}", with: value)
                }
                let told = call.parameters.filter { $0.place == .query }.map { "\($0.name)=%20" }
                let query = (told + ["nonsense=1"]).joined(separator: "&")
                let reply = try await world.get("\(path)?\(query)", as: call == .listRuns ? .sven : .adam)
                #expect(reply.status == 422, "\(call)")
                let unknown = reply.faults.filter { $0.hasSuffix(" unknown_parameter") }
                #expect(unknown == ["?nonsense unknown_parameter"], "\(call)")
            }
        }
    }
}

extension Router.Match {
    fileprivate var isFound: Bool {
        if case .found = self { true } else { false }
    }
}
