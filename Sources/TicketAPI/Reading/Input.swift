import JSONText
import Regulations
import Tickets

/// What a request carries beside its path: a body's members and a query's parameters.
///
/// Used by one handler at a time; reading it collects faults, `finish` throws them all.
struct Input {
    var body: JSONObjectReader
    var query: QueryReader
    /// The path and the filters: what a cursor is tied to.
    private let path: String

    /// `node` is the body; an empty object where there is none.
    init(_ node: JSONNode = JSONNode(.object([])), query: String?, path: String) {
        body = JSONObjectReader(node, faults: JSONFaults(listMax: Limit.faults))
        self.query = QueryReader(query)
        self.path = path
    }

    var hasFaults: Bool { !body.faults.isEmpty || !query.faults.isEmpty }

    /// Throws the first hundred faults, unknown members and parameters included.
    mutating func finish() throws(Problem) {
        body.finish()
        query.finish()
        try refuse()
    }

    /// Throws the first hundred faults that there are, now that all members have been read.
    func refuse() throws(Problem) {
        if hasFaults { throw .invalid(Array((body.faults.list.map(Fault.init) + query.faults).prefix(Limit.faults))) }
    }

    /// A fault of the body, at a JSON pointer.
    func fault(_ code: FaultCode, at pointer: String) { body.faults.add(code.rawValue, at: pointer) }

    /// Adds what a rule found.
    func add(_ faults: [JSONFault]) {
        for fault in faults { body.faults.add(fault.code, at: fault.pointer, fault.arguments) }
    }

    /// `limit` and `cursor`, once all filters have been read.
    mutating func page() -> PageInput {
        let limit = query.integer("limit", in: 1...PageRequest.limitMax) ?? 50
        let scope = scope()
        var after: [String]?
        if let cursor = query.string("cursor") {
            after = Cursor.decode(cursor, scope: scope)
            if after == nil { query.fault(.notACursor, at: "cursor") }
        }
        return PageInput(limit: limit, after: after, scope: scope)
    }

    private func scope() -> String {
        let filters = query.pairs.filter { !$0.name.hasSameBytes(as: "limit") && !$0.name.hasSameBytes(as: "cursor") }
        var json = JSONWriter(capacity: 128)
        json.array { json in
            json.string(path)
            let sorted = filters.map { (name: Array($0.name.utf8), value: Array($0.value.utf8), pair: $0) }.sorted {
                $0.name.lexicographicallyPrecedes($1.name)
                    || $0.name == $1.name && $0.value.lexicographicallyPrecedes($1.value)
            }
            for (name, value) in sorted.map(\.pair) {
                json.string(name)
                json.string(value)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

/// Which page is asked for, and what the cursor to the next is tied to.
struct PageInput {
    let limit: Int
    let after: [String]?
    let scope: String
}
