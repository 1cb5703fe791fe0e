import Regulations
import Tickets

/// What `type` of a problem leads to, for people.
struct ProblemPages {
    let prose: Prose

    /// All of them, by status.
    var list: String {
        let rows = ProblemType.allCases.map { type in
            [HTML.link(type.path, HTML.code(type.rawValue)), "\(type.status)", HTML.prose(prose.meaning(type))]
        }
        return page(
            title: prose(.problemsTitle),
            [
                HTML.element("p", HTML.prose(prose(.problemsIntroduction))),
                HTML.table([prose(.name), prose(.status), prose(.meaning)], rows),
            ])
    }

    func page(_ type: ProblemType) -> String {
        let calls = Call.allCases.filter { type.scope != .everyRequest && $0.problems.contains(type) }
        let links = calls.map { HTML.link("/docs#\($0.rawValue)", prose.summary($0).escapedForHTML) }
        return page(
            title: prose.title(type),
            [
                HTML.element("p", "HTTP \(type.status) · \(HTML.code(type.path))"),
                HTML.element("h2", prose(.meaning).escapedForHTML),
                HTML.element("p", HTML.prose(prose.meaning(type))),
                HTML.element("h2", prose(.remedy).escapedForHTML),
                HTML.element("p", HTML.prose(prose.remedy(type))),
                links.isEmpty
                    ? ""
                    : HTML.element("h2", prose(.calls).escapedForHTML) + "\n<p>\(links.joined(separator: ", "))</p>",
                HTML.element("p", HTML.link("/problems", prose(.allProblems).escapedForHTML)),
            ])
    }

    private func page(title: String, _ parts: [String]) -> String {
        let parts =
            [
                HTML.element("nav", HTML.link("/docs", prose(.documentation).escapedForHTML)),
                HTML.element("h1", title.escapedForHTML),
            ] + parts
        return HTML.page(
            title: title, language: prose.language.rawValue, parts.filter { !$0.isEmpty }.joined(separator: "\n"))
    }
}
