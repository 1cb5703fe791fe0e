import Glibc
import HTTPServer
import TestKit
import Testing

@Suite struct TLSIdentityTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let certificates: String
        let key: String
        let file: TLSError.File
        let says: String
        var testDescription: String { "\(certificates) with \(key)" }
    }

    static let faults: [Fault] = [
        .init(certificates: "words.pem", key: "ecdsa.key", file: .certificate, says: "no certificate in PEM"),
        .init(certificates: "ecdsa.key", key: "ecdsa.key", file: .certificate, says: "no certificate in PEM"),
        .init(certificates: "damaged.pem", key: "ecdsa.key", file: .certificate, says: "certificate 1 is damaged"),
        .init(certificates: "reversed.pem", key: "ecdsa.key", file: .certificate, says: "not the issuer"),
        .init(certificates: "weak.pem", key: "weak.key", file: .certificate, says: "too small"),
        .init(certificates: "secp256k1.pem", key: "secp256k1.key", file: .certificate, says: "no client can use"),
        .init(certificates: "P-224.pem", key: "P-224.key", file: .certificate, says: "no client can use"),
        .init(certificates: "ed448.pem", key: "ed448.key", file: .certificate, says: "no client can use"),
        .init(certificates: "ecdsa.pem", key: "words.pem", file: .key, says: "no private key in PEM"),
        .init(certificates: "ecdsa.pem", key: "ecdsa.pem", file: .key, says: "no private key in PEM"),
        .init(certificates: "ecdsa.pem", key: "damaged.key", file: .key, says: "is damaged"),
        .init(certificates: "ecdsa.pem", key: "other.key", file: .key, says: "is not the key of"),
        .init(certificates: "ecdsa.pem", key: "rsa.key", file: .key, says: "is not the key of"),
        .init(certificates: "ecdsa.pem", key: "encrypted.key", file: .key, says: "is encrypted"),
        .init(certificates: "ecdsa.pem", key: "encrypted-old.key", file: .key, says: "is encrypted"),
    ]

    @Test(arguments: faults)
    func `what operators get wrong is one sentence about the right file`(fault: Fault) throws {
        let files = TestCertificates.shared
        let (certificates, key) = (try files.bytes(fault.certificates), try files.bytes(fault.key))
        let error = #expect(throws: TLSError.self) { try TLSContext(certificates: certificates, key: key) }
        #expect(error?.file == fault.file)
        #expect(error?.reason.contains(fault.says) == true, "\(error?.reason ?? "")")
        #expect(error?.reason.contains("\n") == false)
    }

    @Test(arguments: ["rsa", "ecdsa", "ed25519", "p521"])
    func `a good pair is taken, and says how long it is good`(name: String) throws {
        let validity = try TLSContext.of(name).validity
        #expect(validity.contains(time(nil)) && (200_000...259_200).contains(validity.upperBound - validity.lowerBound))
    }

    @Test func `an expired certificate can be served, and says so`() throws {
        #expect(try TLSContext.of("expired").validity.upperBound < time(nil))
    }

    @Test func `a bad replacement leaves what there was`() throws {
        let context = try TLSContext.of("expired")
        #expect(throws: TLSError.self) { try context.replace(certificates: [], key: []) }
        #expect(context.validity.upperBound < time(nil))
        try context.replace(
            certificates: TestCertificates.shared.bytes("rsa.pem"), key: TestCertificates.shared.bytes("rsa.key"))
        #expect(context.validity.contains(time(nil)))
    }
}
