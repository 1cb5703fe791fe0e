extension Settings {
    /// How long texts are kept.
    struct Retention: Sendable, Equatable {
        /// Days after a ticket was closed; nil: for ever.
        var closedTextDays: Int?

        static let names = ["REGLAMENT_RETENTION_CLOSED_TEXTS"]
        private static let range = 1...36_500

        init(_ values: [String: String]) throws {
            guard let text = values[Self.names[0]], text != "off" else { return }
            guard text.hasSuffix("d"), text.dropLast().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let days = Int(text.dropLast()), Self.range.contains(days)
            else {
                throw Failure.failed(
                    """
                    \(Self.names[0]) is `\(text)`; it must be days from \(Self.range.lowerBound) to \(Self.range.upperBound), \
                    like 730d, or `off`.
                    """)
            }
            closedTextDays = days
        }
    }
}
