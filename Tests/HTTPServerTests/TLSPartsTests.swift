import COpenSSL
import Glibc
import TestKit
import Testing

@testable import HTTPServer

@Suite struct TLSPartsTests {
    private let hour = TicketKeys.secondsMax * 1_000_000_000

    /// What OpenSSL would get for a ticket, and the name of the key.
    private func prepare(_ keys: TicketKeys, name: [UInt8]? = nil, at now: UInt64) -> (answer: Int32, name: [UInt8]) {
        let algorithm = EVP_MAC_fetch(nil, "HMAC", nil)
        let (cipher, mac) = (EVP_CIPHER_CTX_new(), EVP_MAC_CTX_new(algorithm))
        defer {
            EVP_CIPHER_CTX_free(cipher)
            EVP_MAC_CTX_free(mac)
            EVP_MAC_free(algorithm)
        }
        var given = name ?? [UInt8](repeating: 0, count: 16)
        var vector = [UInt8](repeating: 0, count: 16)
        let answer = given.withUnsafeMutableBytes { given in
            vector.withUnsafeMutableBytes { vector in
                keys.prepare(name: given, vector: vector, cipher: cipher, mac: mac, seals: name == nil, now: now)
            }
        }
        return (answer, given)
    }

    @Test func `a ticket's key seals for an hour, opens for another, and is forgotten`() {
        let keys = TicketKeys()
        let first = prepare(keys, at: 5)
        #expect(first.answer == 1)
        #expect(prepare(keys, at: hour).name == first.name)
        #expect(prepare(keys, name: first.name, at: hour).answer == 1)
        let second = prepare(keys, at: hour + 5)
        #expect(second.answer == 1 && second.name != first.name)
        // It opens, and another one is given in its place.
        #expect(prepare(keys, name: first.name, at: hour + 5).answer == 2)
        #expect(prepare(keys, name: second.name, at: 2 * hour).answer == 1)
        #expect(prepare(keys, name: first.name, at: 2 * hour + 5).answer == 0)
        #expect(prepare(keys, name: second.name, at: 2 * hour + 5).answer == 2)
        // After a long silence nothing is left.
        #expect(prepare(keys, name: second.name, at: 9 * hour).answer == 0)
        #expect(prepare(keys, name: [UInt8](repeating: 7, count: 16), at: 9 * hour).answer == 0)
    }

    @Test func `an end that the socket does not take now is sent later`() throws {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
        #expect(socketpair(AF_UNIX, type, 0, &ends) == 0)
        let identity = try TLSContext.of("ecdsa").current
        let transport = TLSTransport(ends[0], identity: identity)
        let context = SSL_CTX_new(TLS_client_method())
        let client = SSL_new(context)
        defer {
            transport.close()
            SSL_free(client)
            SSL_CTX_free(context)
            close(ends[1])
        }
        SSL_set_fd(client, ends[1])
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for _ in 0..<4 {
            if SSL_connect(client) == 1 { break }
            #expect(buffer.withUnsafeMutableBytes { transport.read(into: $0) } == .wouldBlock)
        }
        #expect(buffer.withUnsafeMutableBytes { transport.read(into: $0) } == .wouldBlock)
        // Somebody fills the socket behind the transport's back.
        while send(ends[0], buffer, buffer.count, Int32(MSG_NOSIGNAL)) > 0 {}
        while send(ends[0], buffer, 1, Int32(MSG_NOSIGNAL)) > 0 {}
        #expect(!transport.closeWriting())
        #expect(!transport.closeWriting())
        while recv(ends[1], &buffer, buffer.count, 0) > 0 {}
        #expect(transport.closeWriting())
        // Under TLS 1.3 an alert looks like data: a record of type 23, of two bytes with their type and tag.
        #expect(recv(ends[1], &buffer, buffer.count, 0) == 24 && buffer.starts(with: [23, 3, 3, 0, 19]))
        #expect(recv(ends[1], &buffer, buffer.count, 0) == 0)
    }
}
