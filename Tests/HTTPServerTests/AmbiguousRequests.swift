/// Requests that two readers may part differently, made from a seed. Every target is unique: `/c<connection>-<n>`,
/// and `/c<connection>-evil` for the one that hides in a body.
struct AmbiguousRequests {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 2 &+ 1 }

    mutating func random(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }

    private mutating func pick(_ list: [String]) -> String { list[random(list.count)] }

    /// All that one client sends: a few requests, the last of which asks for the end.
    mutating func connection(_ number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<1 + random(4) {
            var request = self.request("/c\(number)-\(index)", evil: "/c\(number)-evil\(index)")
            if random(3) == 0 { mutate(&request) }
            bytes += request
        }
        return bytes + Array("GET /c\(number)-last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".utf8)
    }

    /// Mostly well-formed with one or two oddities: what is odd everywhere gets no further than the proxy.
    private mutating func request(_ target: String, evil: String) -> [UInt8] {
        let hidden = "GET \(evil) HTTP/1.1\r\nHost: h\r\n\r\n"
        let isChunked = random(2) == 0
        var body = pick(["", hidden, "hello"])
        var length = "\(body.utf8.count)"
        if isChunked {
            body = (body.isEmpty ? "" : "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n") + "0\r\n\r\n"
        }
        if random(6) == 0 { body = oddBody(hidden) }
        if random(6) == 0 { length = pick(["0", "5", "\(hidden.utf8.count)", "\(body.utf8.count)"]) }
        var lengthField = isChunked ? "" : "Content-Length: \(length)\r\n"
        var coding = isChunked ? "Transfer-Encoding: chunked\r\n" : ""
        if random(6) == 0 { lengthField = oddLength(length) }
        if random(6) == 0 { coding = pick(Self.oddCodings) }
        let other = random(4) == 0 ? pick(Self.oddFields) : ""
        let fields = random(2) == 0 ? lengthField + coding + other : other + coding + lengthField
        let method = pick(["GET", "POST", "POST", "PUT", "OPTIONS", "HEAD", "DELETE", "BREW"])
        let form =
            random(4) == 0 ? pick(["http://h\(target)", target + "?a", target + "#a", "/./..\(target)"]) : target
        let version = random(10) == 0 ? pick(["1.0", "1.2", "0.9", "2.0"]) : "1.1"
        let before = random(10) == 0 ? pick(["\r\n", "\r\n\r\n", "\n", " "]) : ""
        return Array("\(before)\(method) \(form) HTTP/\(version)\r\nHost: h\r\n\(fields)\r\n\(body)".utf8)
    }

    private mutating func oddBody(_ hidden: String) -> String {
        pick([
            "5\r\nhello\r\n0\r\n\r\n" + hidden, "1\r\nxx\r\n0\r\n\r\n" + hidden, "0\r\nTrailer: x\r\n\r\n" + hidden,
            "0\n\n" + hidden, "0;a=\"\r\n\r\n" + hidden, "0 \r\n\r\n" + hidden, "00\r\n\r\n" + hidden,
            "0x0\r\n\r\n" + hidden, "-0\r\n\r\n" + hidden, "1;\nxx\r\n0\r\n\r\n" + hidden, "0;a=b\r\n\r\n" + hidden,
            "100000000000000005\r\nhello\r\n0\r\n\r\n" + hidden, "5\r\nhelloX0\r\n\r\n" + hidden,
            "0\r\nContent-Length: 3\r\n\r\n" + hidden, "1;a\r\nx\r\n0\r\n\r\n" + hidden, "1\r\nx\r\n0\r\n" + hidden,
        ])
    }

    private mutating func oddLength(_ length: String) -> String {
        pick([
            "", "Content-Length: +\(length)\r\n", "Content-Length: \(length), \(length)\r\n",
            "Content-Length: \(length)\r\nContent-Length: 0\r\n", "Content-Length : \(length)\r\n",
            "Content-Length:\t\(length)\r\n", "Content_Length: \(length)\r\n", "Content-Length: 0x\(length)\r\n",
            "Content-Length: \(length) \r\n", "Content-Length: 0\(length)\r\n", "X: y\nContent-Length: \(length)\r\n",
            "Content-Length:\r\n \(length)\r\n", "content-length: \(length)\r\n", "Content-Length: \(length)\r\n",
            "Content-Length: \(length)\r\nContent-Length: \(length)\r\n", "X-Content-Length: \(length)\r\n",
        ])
    }

    private static let oddCodings = [
        "Transfer-Encoding : chunked\r\n", "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding:\u{B}chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding:\r\n chunked\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n", "Transfer_Encoding: chunked\r\n", "tRANSFER-ENCODING: CHUNKED\r\n",
        "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked;q=1\r\n", "Transfer-Encoding: identity\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n", "\0Transfer-Encoding: chunked\r\n", "Transfer-Encoding:chunked\r\n",
        "Transfer-Encoding:\r\n", "Transfer-Encoding: ,chunked\r\n", "TE: chunked\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
    ]

    private static let oddFields = [
        "Connection: keep-alive\r\n", "Connection: Content-Length\r\n", "Connection: Transfer-Encoding\r\n",
        "Connection: host\r\n", "Expect: 100-continue\r\n", "Expect: x\r\n", "Host: evil\r\n", "Upgrade: h2c\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", " folded\r\n",
        "X: \(String(repeating: "y", count: 4_000))\r\n", "Max-Forwards: 0\r\n", "Connection: close\r\n",
        "X: \u{1}\r\n", "a b: c\r\n", "X\r\n", "X: \u{85}\r\n",
    ]

    /// A byte changed, left out, doubled or put in, here and there.
    mutating func mutate(_ bytes: inout [UInt8]) {
        let odd: [UInt8] = [0, 9, 10, 11, 12, 13, 32, 34, 44, 58, 59, 61, 127, 133, 160, 255]
        for _ in 0...random(3) where bytes.count > 2 {
            let place = random(bytes.count)
            switch random(5) {
            case 0: bytes[place] = UInt8(random(256))
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(bytes[place], at: place)
            case 3: bytes.insert(odd[random(odd.count)], at: place)
            default: bytes[place] = odd[random(odd.count)]
            }
        }
    }
}
