public import Foundation

/// An authority and certificates of its own, made by `openssl` once per process, gone at its end.
public struct TestCertificates: Sendable {
    /// What the rest begins with.
    public let folder: URL

    /// Chains (`rsa.pem`, `ecdsa.pem`, `other.pem`, `expired.pem`) and keys (`rsa.key` and so on), all for `localhost` and
    /// 127.0.0.1; `root.pem` to trust; and what operators get wrong.
    public static let shared: TestCertificates = {
        let made = TestCertificates()
        atexit { try? FileManager.default.removeItem(at: TestCertificates.shared.folder) }
        return made
    }()

    private static let script = """
        issue() { # NAME KIND-OF-KEY [OPTION …]
            name=$1; kind=$2; shift 2
            openssl req -x509 -newkey $kind -nodes -keyout $name.key -out $name.pem -days 3 -subj /CN=$name "$@"
        }
        end='-CA issuing.pem -CAkey issuing.key -addext basicConstraints=critical,CA:FALSE'
        end="$end -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        curve='ec -pkeyopt ec_paramgen_curve:P-256'
        issue root "$curve"
        issue issuing "$curve" -CA root.pem -CAkey root.key
        issue rsa rsa:2048 $end
        issue ecdsa "$curve" $end
        issue other "$curve" $end
        issue weak rsa:1024 $end
        for other in secp256k1 P-224; do issue $other "ec -pkeyopt ec_paramgen_curve:$other" $end; done
        issue ed448 ed448 $end
        issue ed25519 ed25519 $end
        issue p521 'ec -pkeyopt ec_paramgen_curve:P-521' $end
        openssl req -new -key ecdsa.key -subj /CN=expired -out expired.csr
        openssl x509 -req -in expired.csr -days -1 -CA issuing.pem -CAkey issuing.key -set_serial 7 -out expired.pem
        cp ecdsa.key expired.key
        for name in rsa ecdsa other expired secp256k1 P-224 ed448 ed25519 p521; do cat issuing.pem >> $name.pem; done
        cat issuing.pem ecdsa.pem > reversed.pem
        openssl pkey -in ecdsa.key -aes256 -passout pass:secret -out encrypted.key
        openssl ec -in ecdsa.key -aes256 -passout pass:secret -out encrypted-old.key
        sed '3s/./!/g' ecdsa.pem > damaged.pem
        sed '2s/./!/g' ecdsa.key > damaged.key
        echo 'nothing of the kind' > words.pem
        """

    private init() {
        folder = URL(filePath: "/tmp/rgl-certificates-\(UInt64.random(in: 0...UInt64.max))")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            let shell = Process()
            shell.executableURL = URL(filePath: "/bin/sh")
            shell.arguments = ["-eu", "-c", "( \(Self.script)\n) > log 2>&1"]
            shell.currentDirectoryURL = folder
            shell.standardInput = FileHandle.nullDevice
            try shell.run()
            shell.waitUntilExit()
            guard shell.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
        } catch {
            preconditionFailure("`openssl` could not make the tests' certificates in \(folder.path): \(error)")
        }
    }

    public func path(_ name: String) -> String { folder.appending(path: name).path }

    public func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appending(path: name))) }
}
