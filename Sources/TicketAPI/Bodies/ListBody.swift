import HTTPWire
import JSONText
import Regulations
import Tickets

/// One page of any list.
struct ListBody<Item: Body>: Body {
    let items: [Item]
    /// Nil: this is the last page.
    let nextCursor: String?

    var size: Int { 256 + items.count * 1536 }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.key("items")
            json.array { json in for item in items { item.write(to: &json) } }
            json.member("next_cursor", nextCursor)
        }
    }
}

extension PageInput {
    var request: PageRequest { PageRequest(limit: limit, after: after) }
}

extension Exchange {
    /// A page as an answer, with the address of the next one (RFC 8288).
    func list<Item>(_ page: Page<Item>, _ input: PageInput, _ body: (Item) throws -> some Body) rethrows -> Answer {
        let cursor = page.next.map { Cursor.encode($0, scope: input.scope) }
        var answer = try Answer.json(200, ListBody(items: page.items.map(body), nextCursor: cursor), in: language)
        if let cursor {
            let kept = (request.query ?? "").split(separator: "&").filter { !QueryReader.isNamed("cursor", $0) }
            let query = (kept.map(String.init) + ["cursor=\(cursor)"]).joined(separator: "&")
            answer.fields.append(("Link", "<\(request.path)?\(query)>; rel=\"next\""))
        }
        return answer
    }

    /// A page out of a list that is in memory, in the ascending order of its keys.
    func list<Item: Sendable>(
        _ items: [Item], by key: (Item) -> String, _ input: PageInput, _ body: (Item) -> some Body
    ) -> Answer {
        let sorted = items.sorted { key($0) < key($1) }
        let rest = sorted.filter { item in input.after.map { key(item) > $0[0] } ?? true }
        let items = Array(rest.prefix(input.limit))
        let next = rest.count > items.count ? items.last.map { [key($0)] } : nil
        return list(Page(items: items, next: next), input, body)
    }
}
