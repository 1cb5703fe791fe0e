import Digests
import Testing

@Suite struct DigestTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 agrees with the vectors of FIPS 180-4`(message: String, expected: String) {
        #expect(Digest(of: message).hex == expected)
    }

    @Test func `a message in pieces has the digest of the whole`() {
        let message = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        for cut in [0, 1, 63, 64, 65, 999, 1000] {
            var hasher = SHA256()
            hasher.update(Array(message[..<cut]))
            hasher.update(Array(message[cut...]))
            #expect(hasher.finish() == Digest(of: message))
        }
    }

    @Test func `only equal digests match`() {
        #expect(Digest(of: "a").matches(Digest(of: "a")))
        #expect(!Digest(of: "a").matches(Digest(of: "b")))
        #expect(Digest(bytes: [1, 2, 3]) == nil)
    }

    @Test func `a digest is read from the digits that it is written as, and from nothing else`() {
        func read(_ text: String) -> Digest? { Array(text.utf8).withUnsafeBytes { Digest(hexadecimal: $0) } }
        for number in 0..<100 {
            let digest = Digest(of: "\(number)")
            #expect(read(digest.hex) == digest)
            let written = [UInt8](unsafeUninitializedCapacity: 64) { room, count in
                digest.writeHex(to: room)
                count = 64
            }
            #expect(written == Array(digest.hex.utf8))
        }
        let hex = Digest(of: "x").hex
        for text in ["", String(hex.dropLast()), hex + "0", hex.dropLast() + "g", " " + hex.dropFirst()] {
            #expect(read(text) == nil, "\(text)")
        }
    }
}

@Suite struct EncodingTests {
    @Test func `bytes survive hexadecimal and base 64 at every length`() {
        for count in 0..<100 {
            let bytes = Random.bytes(count)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
    }

    @Test(arguments: [("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")])
    func `base 64 agrees with the vectors of RFC 4648`(plain: String, coded: String) {
        #expect(Base64URL.encode(Array(plain.utf8)) == coded)
    }

    @Test(arguments: ["Zh", "Z", "Zg==", "Zm9v!", "Zg\n", "+/+/"])
    func `a spelling that is not canonical is refused`(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test(arguments: ["0", "zz", "0g"])
    func `what is not hexadecimal is refused`(text: String) {
        #expect(Hex.decode(text) == nil)
    }
}

@Suite struct SpellingTests {
    @Test func `a text is the spelling of so many bytes exactly if it can be read as them`() {
        let alphabet = Array("ABCDwxyz0189-_+= ")
        for seed in 0..<20_000 {
            var rest = seed
            var text = ""
            for _ in 0..<seed % 6 {
                text.append(alphabet[rest % alphabet.count])
                rest /= 5
            }
            let read = Base64URL.decode(text)
            for count in 0...5 {
                let isSpelling = Array(text.utf8).withUnsafeBytes { Base64URL.isSpelling(ofBytes: count, $0) }
                #expect(isSpelling == (read?.count == count), "\(text)")
            }
        }
    }
}

@Suite struct RandomTests {
    @Test func `names have the asked length, the alphabet, and do not repeat`() {
        let names = (0..<1000).map { _ in
            var name: [UInt8] = Array(repeating: 0, count: 22)
            name.withUnsafeMutableBytes { Random.fillBase62($0) }
            return String(decoding: name, as: UTF8.self)
        }
        #expect(Set(names).count == 1000)
        #expect(
            names.allSatisfy { $0.utf8.count == 22 && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } })
    }

    @Test func `bytes do not repeat, however many are asked for`() {
        var seen: Set<[UInt8]> = []
        for count in Array(repeating: 16, count: 2_000) + [1_023, 1_024, 1_025, 4_096, 10_000] {
            let bytes = Random.bytes(count)
            #expect(bytes.count == count && bytes.contains { $0 != 0 })
            #expect(seen.insert(bytes).inserted)
        }
        #expect(Random.bytes(0).isEmpty)
    }

    @Test func `a UUID is of version 4 and the RFC's variant`() {
        let drawn = (0..<1_000).map { _ in Random.uuid() }
        #expect(Set(drawn).count == 1_000)
        for uuid in drawn.map(Array.init) {
            #expect(uuid.count == 36 && uuid[14] == "4" && "89ab".contains(uuid[19]))
            #expect(uuid.enumerated().allSatisfy { [8, 13, 18, 23].contains($0) == ($1 == "-") })
            #expect(uuid.allSatisfy { $0 == "-" || $0.isHexDigit && !$0.isUppercase })
        }
    }
}
