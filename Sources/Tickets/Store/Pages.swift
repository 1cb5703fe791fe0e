public import Regulations

/// One page of a list and where the next begins.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    /// The position after the last item; nil: there is no more.
    public var next: [String]?

    public init(items: [Item], next: [String]?) {
        self.items = items
        self.next = next
    }

    public func map<Other: Sendable>(_ transform: (Item) -> Other) -> Page<Other> {
        Page<Other>(items: items.map(transform), next: next)
    }
}

/// Which page of a list.
public struct PageRequest: Sendable, Hashable {
    /// The largest page there is.
    public static let limitMax = 200

    /// 1 to `limitMax`.
    public var limit: Int
    /// The sort keys of the last item seen, as the store gave them; nil: from the beginning.
    public var after: [String]?

    public init(limit: Int, after: [String]? = nil) {
        self.limit = limit
        self.after = after
    }
}

/// In which order tickets are listed.
public enum TicketSort: String, CaseIterable, Sendable {
    case newestFirst = "-registered_at"
    case oldestFirst = "registered_at"
    case updatedFirst = "-updated_at"
    /// Null last.
    case autoClose = "auto_close_at"
    /// Blocking first, then priority, then the nearest open due time (null last), then age, number.
    case triage
}

/// Which tickets are listed.
public struct TicketQuery: Sendable, Hashable {
    public enum Assignee: Sendable, Hashable { case user(UserID), nobody }

    /// Empty: every state.
    public var states: Set<State> = []
    public var priority: Priority?
    public var kind: String?
    public var product: String?
    public var organization: String?
    public var assignee: Assignee?
    public var tag: String?
    /// From inclusive, to exclusive.
    public var registeredFrom: Instant?
    public var registeredTo: Instant?
    public var updatedFrom: Instant?
    public var updatedTo: Instant?
    /// Whether an open due time lies before `now`; nil: either.
    public var overdue: Bool?
    /// Words to search for, as people write them in a web search; nil: none.
    public var text: String?
    public var sort: TicketSort = .newestFirst
    public var page: PageRequest
    /// The service's clock.
    public var now: Instant

    public init(page: PageRequest, now: Instant) {
        self.page = page
        self.now = now
    }
}

/// The triage queue in figures; open tickets alone.
public struct QueueSummary: Sendable, Equatable {
    public struct Share: Sendable, Equatable {
        /// Nil: nobody's.
        public var assignee: UserID?
        public var name: String?
        public var count: Int

        public init(assignee: UserID?, name: String?, count: Int) {
            self.assignee = assignee
            self.name = name
            self.count = count
        }
    }

    public var open: Int
    public var overdue: Int
    public var byState: [State: Int]
    public var byPriority: [Priority: Int]
    public var byProduct: [String: Int]
    public var byAssignee: [Share]

    public init(
        open: Int, overdue: Int, byState: [State: Int], byPriority: [Priority: Int], byProduct: [String: Int],
        byAssignee: [Share]
    ) {
        self.open = open
        self.overdue = overdue
        self.byState = byState
        self.byPriority = byPriority
        self.byProduct = byProduct
        self.byAssignee = byAssignee
    }
}
