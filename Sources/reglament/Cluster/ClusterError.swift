/// Why the private PostgreSQL cannot be had: one sentence for the operator.
struct ClusterError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
