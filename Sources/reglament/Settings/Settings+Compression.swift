extension Settings {
    /// Gzip of the responses.
    struct Compression: Sendable {
        /// 1, the quickest, to 9; 0: never.
        var level = 1

        static let names = ["REGLAMENT_GZIP_LEVEL"]

        init(_ values: [String: String] = [:]) throws {
            level = try Settings.number(values, "REGLAMENT_GZIP_LEVEL", 0...9) ?? level
        }
    }
}
