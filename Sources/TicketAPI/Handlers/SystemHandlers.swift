import HTTPWire
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

    /// A page about the problem that a `type` names.
    func problemPage(_ code: String, _ request: Request, _ language: Language) async throws -> Answer {
        guard let type = ProblemType(rawValue: code) else { throw Problem(.notFound) }
        guard let page = await reference.pages(language).problem[type] else { throw Problem(.notFound) }
        return try answer(page, request)
    }

    /// What was drawn once; it changes only with the program.
    func answer(_ page: Reference.Page, _ request: Request) throws(Problem) -> Answer {
        var answer = Answer(status: 200, contentType: page.contentType, language: page.language, body: page.bytes)
        answer.etag = page.etag
        answer.gzipped = page.gzipped
        answer.fields = page.fields
        answer.freshness = .public
        return try answer.unlessMatched(request.fields)
    }
}

private struct StatusBody: Body {
    let status: String

    func write(to json: inout JSONWriter) { json.object { json in json.member("status", status) } }
}
