/// Why the driver cannot go on, in a sentence. What it finds in the service is no failure but a finding.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
