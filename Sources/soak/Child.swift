import Glibc

/// A process of ours.
struct Child: Sendable {
    let id: pid_t

    /// Output goes to the end of files. The environment is `environment` and nothing else.
    init(
        _ words: [String], environment: [String: String] = [:], output: String = "/dev/null", errors: String
    ) throws(Failure) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (stream, path) in [(Int32(1), output), (2, errors)] {
            posix_spawn_file_actions_addopen(&actions, stream, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        }
        // We ignore SIGPIPE; a child must not.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        let arguments = words.map { strdup($0) } + [nil]
        let texts: [String] = ["PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"] + environment.map { "\($0)=\($1)" }
        let variables = texts.map { strdup($0) }
        defer { for text in arguments + variables { free(text) } }
        var id = pid_t()
        let code = posix_spawnp(&id, words[0], &actions, &attributes, arguments, variables + [nil])
        guard code == 0 else { throw Failure("\(words[0]) cannot be started: \(String(cString: strerror(code)))") }
        self.id = id
    }

    func signal(_ number: Int32) { kill(id, number) }

    /// Its status once it has ended: an exit status, or 128 and the signal. Nil: it runs. Once it has been told, it is not again.
    func ended() -> Int32? {
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return nil }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    /// Waits; nil: it still runs.
    func ended(within seconds: Double) -> Int32? {
        var status: Int32?
        _ = wait(upTo: seconds, every: 0.01) {
            status = ended()
            return status != nil
        }
        return status
    }

    /// Runs a command to its end.
    static func run(
        _ words: [String], environment: [String: String] = [:], output: String = "/dev/null", errors: String,
        within seconds: Double = 120
    ) throws(Failure) -> Int32 {
        let child = try Child(words, environment: environment, output: output, errors: errors)
        if let status = child.ended(within: seconds) { return status }
        child.signal(SIGKILL)
        _ = child.ended(within: 10)
        throw Failure("`\(words.joined(separator: " "))` did not end within \(Int(seconds)) s")
    }
}

/// What a small file says; nil: it cannot be read.
func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &piece, piece.count)
        guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
        bytes += piece[..<count]
    }
}

/// The names in a folder; none when it cannot be read.
func entries(of path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}
