import EventLoop
import Regulations
import TicketStore
import Tickets

/// The regulations as they are now, for every loop of this process: what the database has installed, with the calendars of this host.
///
/// Unchecked: `rulebook` and `lookAtOnce` are for all threads, everything else for the loop's.
final class LiveRulebook: @unchecked Sendable {
    private let loop: EventLoop
    private let store: PostgresStore
    private let published: Locked<Rulebook>
    private let say: @Sendable (String) -> Void
    private var installation: Installation
    private var versions = PolicyVersions()
    /// What was said already, and is not said again until files are read anew.
    private var said: Set<String> = []
    private var isLooking = false
    /// Nanoseconds of the monotonic clock.
    private var lookedAt: UInt64 = 0
    /// Versions that this host lacks something for.
    private var unusable: [Policy] = []
    private var keepingUp: Task<Void, Never>?

    /// A host that lacks a calendar looks for it in its files every so many times that it looks into the database.
    private static let looksPerSearch = 20
    /// Many requests may ask at once for what nobody has.
    private static let lookAgainNanosecondsMin: UInt64 = 50_000_000

    /// `published`: what the store takes its rulebook from.
    init(
        _ installation: Installation, loop: EventLoop, store: PostgresStore, published: Locked<Rulebook>,
        say: @escaping @Sendable (String) -> Void
    ) {
        (self.installation, self.loop, self.store, self.published) = (installation, loop, store, published)
        self.say = say
    }

    var rulebook: Rulebook { published.withLock { $0 } }

    /// Installs what the database lacks, and returns when all of it is in force; looks for what others install from then on. Throws
    /// every reason why the files cannot be installed.
    func start() async throws {
        try await look()
        try await install(installation)
        try await settle()
        keepingUp = Task(executorPreference: loop) { await self.keepUp() }
    }

    /// Before the store is closed.
    func stop() async {
        keepingUp?.cancel()
        await keepingUp?.value
    }

    private func keepUp() async {
        var looks = 0
        while !Task.isCancelled {
            do { try await loop.sleep(PolicyVersions.interval) } catch { return }
            // Without its database nobody registers anything: what fails is tried again, and said by others.
            try? await look()
            looks += 1
            if looks.isMultiple(of: Self.looksPerSearch) { searchCalendars() }
        }
    }

    /// Reads policies and calendars anew, and returns when what is new is in force. Throws when anything is wrong with any file; then
    /// everything is as it was.
    func reload(_ settings: Settings) async throws {
        let read = try Installation(settings)
        try await install(read)
        installation = read
        said = []
        publish()
        say("SIGHUP: read \(read.policies.count) policies and \(read.calendars.count) calendars again")
        sayDifferences()
        try await settle()
    }

    /// Somebody has met a version that is not known here.
    func lookAtOnce() {
        loop.execute { [self] in
            guard !isLooking, EventLoop.clock() &- lookedAt > Self.lookAgainNanosecondsMin else { return }
            Task(executorPreference: loop) { try? await self.look() }
        }
    }

    /// What is in force besides the files of this host.
    func sayDifferences() {
        let files = installation.policies
        for policy in rulebook.current.values.sorted(by: { $0.code < $1.code }) {
            guard let file = files.first(where: { $0.policy.code == policy.code }) else {
                say(
                    "no file in Config/policies is about \(policy.code); version \(policy.version) is in force all the same"
                )
                continue
            }
            guard let highest = versions.highest(of: policy.code), highest > file.policy.version else { continue }
            say(
                "\(file.name) is version \(file.policy.version), and version \(highest) is installed: the file is not used"
            )
        }
    }

    // MARK: Installing

    private func install(_ files: Installation) async throws {
        try await look()
        let faults = files.policies.flatMap(versions.faults)
        guard faults.isEmpty else { throw Failure.failed(ConfigurationFaults(faults).description) }
        let new = files.policies.filter { versions.isNew($0.policy) }
        for file in new {
            guard try await store.install(file.policy, document: file.bytes, sha256: file.sha256) else {
                throw Failure.failed(
                    "\(file.name): another instance has just installed version \(file.policy.version) with other contents"
                )
            }
        }
        if !new.isEmpty { try await look() }
    }

    private func settle() async throws {
        while let next = versions.next(after: EventLoop.clock()) {
            let now = EventLoop.clock()
            try await loop.sleep(.nanoseconds(Int64(next > now ? next - now : 0)))
        }
        publish()
    }

    // MARK: Looking

    /// Takes over what has been installed since the last time. One at a time: what an earlier one read is not to come last.
    private func look() async throws {
        while isLooking { try await loop.sleep(.milliseconds(5)) }
        isLooking = true
        defer { (isLooking, lookedAt) = (false, EventLoop.clock()) }
        guard try await store.policyVersionCount() != versions.count else { return }
        let files = installation.policies
        let stored = try await store.storedPolicies(exceptDocuments: files.map(\.sha256))
        let now = EventLoop.clock()
        for fault in versions.update(stored, at: now, files: files) { sayOnce(fault) }
        publish()
        var next = versions.next(after: now)
        while let time = next {
            loop.after(.nanoseconds(Int64(time - now))) { [weak self] in self?.publish() }
            next = versions.next(after: time)
        }
    }

    /// Lets every loop have what is in force now.
    private func publish() {
        let calendars = Set(installation.calendars.map(\.id))
        let zones = installation.zones
        unusable = []
        for policy in versions.policies {
            let faults = policy.faults(calendars: calendars) { (try? zones.rules(for: $0)) != nil }
            if faults.isEmpty { continue }
            unusable.append(policy)
            for fault in faults { sayOnce("a policy cannot be used on this host: \(fault)") }
        }
        let lacking = Set(unusable.map { "\($0.code) \($0.version)" })
        let current = versions.current(at: EventLoop.clock()) { !lacking.contains("\($0.code) \($0.version)") }
        let rulebook = installation.rulebook(
            current: current, earlier: versions.policies.filter { !lacking.contains("\($0.code) \($0.version)") },
            unusable: unusable
        ) { [weak self] in self?.lookAtOnce() }
        let before = published.withLock { published in
            defer { published = rulebook }
            return published
        }
        for policy in current {
            if let old = before.current[policy.code], old.version != policy.version {
                say("policy \(policy.code): version \(policy.version) is in force instead of \(old.version)")
            } else if !before.current.isEmpty && before.current[policy.code] == nil {
                say("policy \(policy.code): version \(policy.version) is in force")
            }
        }
    }

    /// A file that was put where one was missing is taken without a signal.
    private func searchCalendars() {
        let known = Set(installation.calendars.map(\.id))
        let missing = Set(unusable.map(\.calendar)).subtracting(known)
        let (home, zones) = (installation.home, installation.zones)
        let found = missing.sorted().compactMap { try? Installation.calendar($0, home, zones) }
        guard !found.isEmpty else { return }
        installation.calendars += found
        publish()
    }

    private func sayOnce(_ sentence: String) { if said.insert(sentence).inserted { say(sentence) } }
}
