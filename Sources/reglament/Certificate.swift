import Glibc
import HTTPServer
import Regulations

/// What the TLS addresses show, and the files that it comes from.
struct Certificate: Sendable {
    let context: TLSContext
    private let files: Settings.TLS.Files

    /// Throws a sentence that names the setting and the file.
    init(_ files: Settings.TLS.Files) throws {
        self.files = files
        context = try Self.naming(files) { certificates, key throws(TLSError) in
            try TLSContext(certificates: certificates, key: key)
        }
    }

    /// Shows what the files hold now, and says so in one line; throws a sentence, and goes on with what it has.
    func reload() throws -> String {
        try Self.naming(files) { certificates, key throws(TLSError) in
            try context.replace(certificates: certificates, key: key)
        }
        return warning.map { "SIGHUP: loaded \(files.certificate) again; \($0)" }
            ?? "SIGHUP: loaded \(files.certificate) again, valid until \(Self.text(context.validity.upperBound))"
    }

    /// When clients will refuse it for its time; nil: now they will not. By the system's clock, like theirs.
    var warning: String? {
        let validity = context.validity
        let now = time(nil)
        if validity.contains(now) { return nil }
        return now < validity.lowerBound
            ? "the certificate in \(files.certificate) is not valid before \(Self.text(validity.lowerBound))"
            : "the certificate in \(files.certificate) has expired on \(Self.text(validity.upperBound))"
    }

    private static func text(_ seconds: Int) -> String { Instant(microseconds: Int64(seconds) * 1_000_000).rfc3339 }

    private static func naming<Result>(
        _ files: Settings.TLS.Files, _ work: ([UInt8], [UInt8]) throws(TLSError) -> Result
    ) throws -> Result {
        let certificates = try read("REGLAMENT_TLS_CERT", files.certificate)
        let key = try read("REGLAMENT_TLS_KEY", files.key)
        do throws(TLSError) { return try work(certificates, key) } catch {
            switch error.file {
            case .certificate: throw Failure.failed("REGLAMENT_TLS_CERT: \(files.certificate): \(error.reason).")
            case .key: throw Failure.failed("REGLAMENT_TLS_KEY: \(files.key): \(error.reason).")
            }
        }
    }

    private static func read(_ setting: String, _ path: String) throws -> [UInt8] {
        do { return try Files.read(path, max: 1 << 20) } catch Failure.failed(let reason) {
            throw Failure.failed("\(setting): \(reason).")
        }
    }
}
