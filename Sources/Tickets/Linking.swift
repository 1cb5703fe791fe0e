public import JSONText

/// Which tickets may be tied together. Pure.
public enum Linking {
    /// A ticket is read and shown with all its links, so that none may have any number of them.
    public static let max = 1_000

    /// The near end of a link: the ticket that is being changed or registered.
    public struct Source: Sendable, Equatable {
        /// Nil: it is only being registered.
        public let id: TicketID?
        public let product: String
        public let organization: String
        public let isPart: Bool
        public let isWhole: Bool
        /// In both directions.
        public let links: Int

        /// A ticket that is only being registered.
        public init(product: String, organization: String) {
            id = nil
            self.product = product
            self.organization = organization
            isPart = false
            isWhole = false
            links = 0
        }

        public init(_ record: TicketRecord) {
            id = record.ticket.id
            product = record.ticket.product
            organization = record.ticket.organization
            isPart = record.links.contains { $0.type == .partOf && !$0.isInverse }
            isWhole = record.links.contains { $0.type == .partOf && $0.isInverse }
            links = record.links.count
        }
    }

    /// Every fault of a link, all at `pointer`. Nil for `target`: there is none that the caller may see.
    public static func faults(
        _ type: LinkType, from source: Source, to target: OtherTicket?, at pointer: String
    ) -> [JSONFault] {
        guard let target else { return [JSONFault(pointer: pointer, code: "not_found")] }
        if target.id == source.id { return [JSONFault(pointer: pointer, code: "itself")] }
        if Swift.max(source.links, target.links) >= Self.max {
            return [JSONFault(pointer: pointer, code: "too_many_links", arguments: ["max": "\(Self.max)"])]
        }
        var codes: [String] = []
        if target.organization != source.organization { codes.append("other_organization") }
        switch type {
        case .follows: break
        case .duplicateOf:
            if target.product != source.product { codes.append("other_product") }
            if !target.state.isOpen { codes.append("closed") }
        case .partOf:
            if target.product != source.product { codes.append("other_product") }
            if !target.state.isOpen { codes.append("closed") }
            if !target.blocking { codes.append("not_blocking") }
            if target.isPart { codes.append("is_a_part") }
            if source.isPart { codes.append("already_a_part") }
            if source.isWhole { codes.append("has_parts") }
        }
        return codes.map { JSONFault(pointer: pointer, code: $0) }
    }
}
