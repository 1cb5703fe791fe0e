import EventLoop
import Glibc

/// Raises a policy's version in the files of one instance, tells it, and looks how soon all of them have it.
struct PolicyChange {
    /// What is promised.
    private static let secondsMax = 1.0
    private static let product = "omnivox"

    let desk: Desk
    let instances: [Instance]
    /// Of the database, for the superuser.
    let url: String

    /// Gives the seconds until everybody had it, and faults.
    func measure(_ generator: inout SeededGenerator) throws(Failure) -> (seconds: Double, faults: [String]) {
        let version = try begin(&generator)
        let changed = monotonic()
        var faults: [String] = []
        for (number, instance) in instances.enumerated() {
            let rest = max(0, changed + Self.secondsMax - monotonic())
            let isKnown = wait(upTo: rest, every: 0.01) { self.version(at: instance) == version }
            if !isKnown { faults.append("a policy's change was not known to instance \(number + 1) within a second") }
        }
        return (monotonic() - changed, faults)
    }

    /// Gives the new version. What is in a file follows from its version alone: the same is never installed with other contents.
    @discardableResult
    func begin(_ generator: inout SeededGenerator) throws(Failure) -> Int {
        let instance = instances[Int.random(in: 0..<instances.count, using: &generator)]
        let count = "SELECT max(version) FROM policy_versions WHERE product = '\(Self.product)'"
        let version = try Database(url).count(count) + 1
        let path = "\(instance.home)/Config/policies/\(Self.product).json"
        guard let old = text(of: path) else { throw Failure("\(path) cannot be read") }
        let lines = old.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("  \"version\": ") ? "  \"version\": \(version)," : String(line)
        }
        try replace(path, lines.joined(separator: "\n"))
        instance.signal(SIGHUP)
        return version
    }

    /// Whole at once: nobody reads half of it.
    private func replace(_ path: String, _ text: String) throws(Failure) {
        let file = open("\(path).new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Failure("\(path).new cannot be written") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard write(file, bytes, bytes.count) == bytes.count, rename("\(path).new", path) == 0 else {
            throw Failure("\(path) cannot be replaced")
        }
    }

    private func version(at instance: Instance) -> Int? {
        let answer = try? Line([instance.socket]).ask("GET", "/v1/policies/\(Self.product)", token: desk.lead.token)
        return answer?.json?["version"]?.integer
    }
}
