/// Why the database is not filled, in a sentence for whoever started this.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
