import JSONText
import Regulations
import Tickets

/// The document as a page for people: every call with its roles, parameters, members, answers and an example.
struct DocumentationPage {
    let prose: Prose

    var text: String {
        let parts = [
            HTML.element("h1", prose(.title).escapedForHTML), HTML.element("p", HTML.prose(prose(.introduction))),
            HTML.element("p", HTML.prose(prose(.conventions))), HTML.element("p", HTML.prose(prose(.authentication))),
            HTML.element("p", HTML.prose(prose(.legend))),
            HTML.element(
                "p",
                HTML.link("/openapi.json", prose(.document).escapedForHTML) + " · "
                    + HTML.link("/problems", prose(.problemsTitle).escapedForHTML)), contents,
            Operation.Tag.allCases.map(section).joined(separator: "\n"), schemas,
        ]
        return HTML.page(
            title: prose(.title), language: prose.language.rawValue, parts.joined(separator: "\n"))
    }

    private func calls(_ tag: Operation.Tag) -> [Call] { Call.allCases.filter { $0.operation.tag == tag } }

    private var contents: String {
        let items = Operation.Tag.allCases.map { tag in
            let calls = calls(tag).map { "<li>\(HTML.link("#\($0.rawValue)", prose.summary($0).escapedForHTML))</li>" }
            return
                "<li>\(HTML.link("#\(tag.rawValue)-", prose.name(tag).escapedForHTML))<ul>\(calls.joined())</ul></li>"
        }
        let schemas = "<li>\(HTML.link("#schemas-", prose(.schemas).escapedForHTML))</li>"
        return "<nav><ul>\(items.joined(separator: "\n"))\n\(schemas)</ul></nav>"
    }

    private func section(_ tag: Operation.Tag) -> String {
        "<h2 id=\"\(tag.rawValue)-\">\(prose.name(tag).escapedForHTML)</h2>\n"
            + calls(tag).map(section).joined(separator: "\n")
    }

    private func section(_ call: Call) -> String {
        let route = Route(call)
        let operation = call.operation
        let roles =
            route.roles.map { prose(.roles, ["roles": $0.map { prose.name($0) }.joined(separator: ", ")]) }
            ?? prose(.noToken)
        var parts = [
            "<h3 id=\"\(call.rawValue)\">\(HTML.link("#\(call.rawValue)", prose.summary(call).escapedForHTML))</h3>",
            "<p><code><span class=\"method\">\(route.method)</span> \(route.path.escapedForHTML)</code></p>",
            HTML.element("p", HTML.prose(prose.about(call))), "<p class=\"roles\">\(roles.escapedForHTML)</p>",
        ]
        parts.append(titled(.parameters, parameters(call)))
        if let body = operation.body {
            let types = body.mediaTypes.map(HTML.code).joined(separator: ", ")
            let need = body.isRequired ? prose(.required) : prose(.optional)
            parts.append(
                titled(.body, "<p>\(reference(body.component)), \(types), \(need.escapedForHTML)</p>")
                    + members(of: body.component))
        }
        parts.append(titled(.answers, answers(operation)))
        parts.append(titled(.example, "<pre>\(Curl.command(call).escapedForHTML)</pre>"))
        parts.append(titled(.problems, problems(call)))
        return HTML.element("section", parts.filter { !$0.isEmpty }.joined(separator: "\n"))
    }

    private func titled(_ phrase: Phrase, _ content: String) -> String {
        content.isEmpty ? "" : HTML.element("h4", prose(phrase).escapedForHTML) + "\n" + content
    }

    private func parameters(_ call: Call) -> String {
        let rows = call.parameters.map { parameter in
            [
                HTML.code(parameter.name), parameter.place.rawValue + (parameter.isRequired ? " *" : ""),
                type(parameter.schema), HTML.prose(prose.about(parameter)),
            ]
        }
        return HTML.table([prose(.name), prose(.place), prose(.type), prose(.means)], rows)
    }

    private func answers(_ operation: Operation) -> String {
        let rows = operation.answers.map { answer in
            let what =
                answer.content.map { "\(HTML.code($0.mediaType)) \(type($0.schema))" }
                ?? (answer.status == 304 ? HTML.prose(prose(.notModified)) : "")
            return ["\(answer.status)", what, answer.fields.map { HTML.code($0.rawValue) }.joined(separator: ", ")]
        }
        return HTML.table([prose(.status), prose(.body), prose(.fields)], rows)
    }

    /// Those that every request can meet are left to the page of all problems.
    private func problems(_ call: Call) -> String {
        let types = call.problems.filter { $0.scope != .everyRequest }
        return types.isEmpty
            ? ""
            : "<p>"
                + types.map { "\(HTML.link($0.path, HTML.code($0.rawValue))) \($0.status)" }.joined(separator: ", ")
                + "</p>"
    }
}

/// Schemas.
extension DocumentationPage {
    private var schemas: String {
        let sections = Component.allCases.map { component in
            var parts = [
                "<h3 id=\"schema-\(component.rawValue)\">\(HTML.link("#schema-\(component.rawValue)", component.rawValue))</h3>",
                HTML.element("p", HTML.prose(prose.about(component))), members(of: component),
            ]
            if let example = component.example {
                parts.append("<pre>\(PrettyJSON.text(example).escapedForHTML)</pre>")
            }
            return HTML.element("section", parts.filter { !$0.isEmpty }.joined(separator: "\n"))
        }
        return "<h2 id=\"schemas-\">\(prose(.schemas).escapedForHTML)</h2>\n" + sections.joined(separator: "\n")
    }

    private func members(of component: Component) -> String {
        let rows = component.schema.members.map { member in
            [
                HTML.code(member.name) + (member.isRequired ? " *" : ""), type(member.schema),
                prose.about(member, of: component).map(HTML.prose) ?? "",
            ]
        }
        return HTML.table([prose(.member), prose(.type), prose(.means)], rows)
    }

    private func reference(_ component: Component) -> String {
        HTML.link("#schema-\(component.rawValue)", component.rawValue)
    }

    /// What a value may be, in words.
    private func type(_ schema: Schema) -> String {
        switch schema {
        case .any: prose(.anything).escapedForHTML
        case .boolean: "boolean"
        case .integer(let range): range.map { "integer, \($0.lowerBound)…\($0.upperBound)" } ?? "integer"
        case .string(let rules): type(rules)
        case .choice(let values): values.map(HTML.code).joined(separator: ", ")
        case .array(let element, let count, _):
            "[\(type(element))]" + (count.map { ", \($0.lowerBound)…\($0.upperBound)" } ?? "")
        case .object(let rules):
            "{" + rules.members.map { "\(HTML.code($0.name)): \(type($0.schema))" }.joined(separator: ", ") + "}"
        case .map(let value): "{…: \(type(value))}"
        case .either(let schemas): schemas.map { type($0) }.joined(separator: " | ")
        case .nullable(let schema): "\(type(schema)) | \(HTML.code("null"))"
        case .component(let component): reference(component)
        }
    }

    private func type(_ rules: StringRules) -> String {
        var words = [rules.format ?? "string"]
        if let length = rules.length { words.append("\(length.lowerBound)…\(length.upperBound)") }
        if let pattern = rules.pattern, pattern != Pattern.text, pattern != Pattern.withoutNUL {
            words.append(HTML.code(pattern))
        }
        return words.joined(separator: ", ")
    }
}
