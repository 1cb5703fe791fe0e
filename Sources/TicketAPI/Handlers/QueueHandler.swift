import JSONText
import Regulations
import Tickets

extension API {
    /// The triage queue in figures.
    func queueSummary(_ exchange: Exchange) async throws -> Answer {
        try exchange.admit()
        var input = exchange.input()
        try input.finish()
        let summary = try await store.queueSummary(at: exchange.now)
        let products = Set(rulebook().current.keys).union(summary.byProduct.keys).sorted()
        return .json(200, QueueBody(summary: summary, products: products), in: exchange.language)
    }
}

/// Every open state, priority and product has its figure, 0 included.
struct QueueBody: Body {
    let summary: QueueSummary
    let products: [String]

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("open", summary.open)
            json.member("overdue", summary.overdue)
            json.key("by_state")
            json.object { json in
                for state in State.allCases where state.isOpen {
                    json.member(named: state.rawValue, summary.byState[state] ?? 0)
                }
            }
            json.key("by_priority")
            json.object { json in
                for priority in Priority.allCases {
                    json.member(named: priority.rawValue, summary.byPriority[priority] ?? 0)
                }
            }
            json.key("by_product")
            json.object { json in
                for product in products { json.member(named: product, summary.byProduct[product] ?? 0) }
            }
            json.key("by_assignee")
            json.array { json in for share in summary.byAssignee { write(share, to: &json) } }
        }
    }

    private func write(_ share: QueueSummary.Share, to json: inout JSONWriter) {
        json.object { json in
            json.key("assignee")
            if let id = share.assignee { PersonBody(id, share.name).write(to: &json) } else { json.null() }
            json.member("count", share.count)
        }
    }
}
