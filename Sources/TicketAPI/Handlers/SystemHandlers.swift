import JSONText
import Regulations
import Tickets

/// Whether the service stands, who the caller is, and what the problems mean.
extension API {
    func health(_ language: Language) -> Answer { .json(200, StatusBody(status: "ok"), in: language) }

    func readiness(_ language: Language) async throws -> Answer {
        // Whatever stands in the way, a load balancer wants to hear 503.
        do { try await store.checkReadiness() } catch { throw Problem(.unavailable) }
        return .json(200, StatusBody(status: "ready"), in: language)
    }

    func me(_ exchange: Exchange) throws -> Answer {
        var input = exchange.input()
        try input.finish()
        return .json(200, UserBody(exchange.caller.user), in: exchange.language)
    }

    /// What `type` of a problem leads to: its title and what it means, for people.
    func problemPage(_ code: String, _ language: Language) throws -> Answer {
        guard let type = ProblemType(rawValue: code) else { throw Problem(.notFound) }
        let title = texts.title(of: type, language).escapedForHTML
        let detail = texts.detail(of: type, language, [:]).escapedForHTML
        let page = """
            <!doctype html>
            <html lang="\(language.rawValue)"><head><meta charset="utf-8"><title>\(title)</title></head>
            <body><h1>\(title)</h1><p>\(detail)</p><p>HTTP \(type.status) · <code>/problems/\(code)</code></p></body></html>

            """
        var answer = Answer(
            status: 200, contentType: "text/html; charset=utf-8", language: language, body: Array(page.utf8))
        answer.fields = [
            ("Content-Security-Policy", "default-src 'none'"), ("X-Content-Type-Options", "nosniff"),
        ]
        return answer
    }
}

private struct StatusBody: Body {
    let status: String

    func write(to json: inout JSONWriter) { json.object { json in json.member("status", status) } }
}

extension String {
    fileprivate var escapedForHTML: String {
        var out = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
