import Regulations
import TicketStore
import Tickets

/// Every policy version that the database has, and when each comes into force in this process. No I/O; times are nanoseconds of
/// the monotonic clock.
///
/// No instance is to meet a ticket of a version that it does not know. So a version that replaces another comes into force some
/// time after its installation, and every instance looks for new ones more often than that.
struct PolicyVersions {
    /// What is added up to less than the promised second: this, and the time in which the files are read.
    static let settling = Duration.milliseconds(500)
    /// How often an instance looks.
    static let interval = Duration.milliseconds(250)
    /// For whoever hears of a version late: its transaction took long to commit, so the others know no more than we do.
    static let settlingMin = Duration.milliseconds(300)

    private struct Key: Hashable, Comparable {
        let product: String
        let version: Int

        static func < (one: Key, other: Key) -> Bool { (one.product, one.version) < (other.product, other.version) }
    }

    private struct Version {
        let policy: Policy
        let sha256: String
        let inForceAt: UInt64
    }

    private var versions: [Key: Version] = [:]
    /// What this release of the program cannot read, with its SHA-256.
    private var unreadable: [Key: String] = [:]

    var count: Int { versions.count + unreadable.count }

    /// By product and version.
    var policies: [Policy] { versions.sorted { $0.key < $1.key }.map(\.value.policy) }

    /// Takes over what the database has; gives a sentence for each version that is new and cannot be read. What is one of `files`
    /// is not read again, and its document may be missing.
    mutating func update(
        _ stored: [StoredPolicy], at now: UInt64, files: [Installation.PolicyFile] = []
    ) -> [String] {
        let isFirst = count == 0
        let keys = Set(stored.map { Key(product: $0.product, version: $0.version) })
        // Only a standby that was promoted before it had everything lacks what there was.
        versions = versions.filter { keys.contains($0.key) }
        unreadable = unreadable.filter { keys.contains($0.key) }
        var faults: [String] = []
        for stored in stored {
            let key = Key(product: stored.product, version: stored.version)
            if versions[key] != nil || unreadable[key] != nil { continue }
            do {
                let file = files.first { $0.sha256 == stored.sha256 && $0.isOf(stored) }
                let policy =
                    if let file { file.policy } else {
                        try Policy(file: "\(stored.product) version \(stored.version)", bytes: stored.document)
                    }
                let replaces = keys.contains { $0.product == key.product && $0.version < key.version }
                let delay = replaces ? Self.delay(age: stored.age, isFirst: isFirst) : .zero
                versions[key] = Version(policy: policy, sha256: stored.sha256, inForceAt: now + delay.nanoseconds)
            } catch {
                unreadable[key] = stored.sha256
                faults += error.faults.map { "a stored policy cannot be read by this release: \($0)" }
            }
        }
        return faults
    }

    /// How long a version that replaces another waits, this long after it was installed.
    ///
    /// `isFirst`: the process starts, and everybody else may have known it for long.
    static func delay(age: Duration, isFirst: Bool) -> Duration {
        // A negative age is another clock's: of a server before this one, or of a release that wrote its own time.
        let rest = age < .zero || age >= settling ? .zero : settling - age
        return isFirst ? rest : max(rest, settlingMin)
    }

    /// Of each product the highest version that is in force and usable.
    func current(at now: UInt64, where isUsable: (Policy) -> Bool) -> [Policy] {
        var current: [String: Policy] = [:]
        for (key, version) in versions.sorted(by: { $0.key < $1.key })
        where version.inForceAt <= now && isUsable(version.policy) {
            current[key.product] = version.policy
        }
        return current.values.sorted { $0.code < $1.code }
    }

    /// When the next version comes into force; nil: all are.
    func next(after now: UInt64) -> UInt64? { versions.values.map(\.inForceAt).filter { $0 > now }.min() }

    /// The highest of a product, in force or not, usable or not.
    func highest(of product: String) -> Int? {
        (Array(versions.keys) + Array(unreadable.keys)).filter { $0.product == product }.map(\.version).max()
    }

    // MARK: Against files

    /// Why a file cannot be installed.
    func faults(of file: Installation.PolicyFile) -> [ConfigurationFault] {
        let policy = file.policy
        let installed = policies
        var faults: [ConfigurationFault] = []
        if let sha256 = sha256(of: policy), sha256 != file.sha256 {
            faults.append(
                policy.fault(
                    at: "/version",
                    """
                    version \(policy.version) was installed before with other contents. Tickets stay under the version they \
                    were registered under: raise `version`
                    """))
        }
        if let other = installed.first(where: { ($0.code == policy.code) != ($0.prefix == policy.prefix) }) {
            faults.append(
                policy.fault(
                    at: "/prefix",
                    "\(other.code) was installed with the prefix \(other.prefix), and a product keeps its own for ever")
            )
        }
        return faults
    }

    /// Whether the database lacks this version and anybody would ever register under it.
    func isNew(_ policy: Policy) -> Bool {
        sha256(of: policy) == nil && policy.version > highest(of: policy.code) ?? 0
    }

    private func sha256(of policy: Policy) -> String? {
        let key = Key(product: policy.code, version: policy.version)
        return versions[key]?.sha256 ?? unreadable[key]
    }
}

extension Installation.PolicyFile {
    fileprivate func isOf(_ stored: StoredPolicy) -> Bool {
        policy.code == stored.product && policy.version == stored.version
    }
}

extension Duration {
    /// Of a short and positive one.
    fileprivate var nanoseconds: UInt64 {
        UInt64(components.seconds) * 1_000_000_000 + UInt64(components.attoseconds / 1_000_000_000)
    }
}
