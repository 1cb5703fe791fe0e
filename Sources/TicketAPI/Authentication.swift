public import Digests
import HTTPWire
import Regulations
import Tickets

/// The secret that a client carries: `rgl_` and 43 base64url characters, 256 random bits. It is never stored.
public enum TokenSecret {
    static let prefix = "rgl_"

    public static func make() -> String { prefix + Base64URL.encode(Random.bytes(32)) }

    /// What is kept of a secret: the SHA-256 of the whole of it.
    public static func digest(of secret: String) -> Digest { Digest(of: secret) }

    static func isSecret(_ text: UnsafeRawBufferPointer) -> Bool {
        text.starts(with: prefix.utf8)
            && Base64URL.isSpelling(ofBytes: 32, UnsafeRawBufferPointer(rebasing: text[prefix.utf8.count...]))
    }
}

extension API {
    /// The token that the request carries (RFC 6750, 2.1); throws when it carries none, or its address has guessed too often.
    func shownToken(_ request: Request) throws(Problem) -> Digest {
        // Who shows nothing guesses nothing.
        guard request.fields.contains("authorization") else { throw API.unauthorized(nil) }
        let token = API.token(request.fields)
        try checkGuesses(token, request)
        guard let token else { throw refused(nil, request) }
        return token
    }

    /// Throws when the request's address has guessed too often.
    func checkGuesses(_ token: Digest?, _ request: Request) throws(Problem) {
        guard let wait = limits?.wait(token, from: request.remoteAddress), wait > 0 else { return }
        figures.noteLimited(.address)
        throw Problem.tooManyRequests(retryAfter: wait)
    }

    /// The caller whose token it is, and how often they may still ask; nil: as often as they like.
    ///
    /// Throws when it is nobody's any more. Whether the standing allows the request is for the asker to look at.
    func accept(
        _ caller: Caller?, _ token: Digest, _ request: Request, at now: Instant
    ) throws(Problem) -> (Caller, RateLimits.Standing?) {
        guard let caller, caller.expiresAt.map({ now < $0 }) ?? true else { throw refused(token, request) }
        return (caller, limits?.take(token, caller.role))
    }

    private func refused(_ token: Digest?, _ request: Request) -> Problem {
        limits?.noteFailure(token, from: request.remoteAddress)
        return API.unauthorized("invalid_token")
    }

    /// The hash of the one token that is given, if it has the form of one.
    static func token(_ fields: Fields) -> Digest? {
        fields.withOnly("authorization") { value in
            guard let secret = bearer(value), TokenSecret.isSecret(secret) else { return nil }
            var hasher = SHA256()
            hasher.update(secret)
            return hasher.finish()
        }
    }

    /// One scheme, one or more blanks, one token, nothing after it.
    private static func bearer(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let scheme = "bearer".utf8
        guard value.count > scheme.count, value[scheme.count] == UInt8(ascii: " "),
            zip(value, scheme).allSatisfy({ $0 | 0x20 == $1 })
        else { return nil }
        return UnsafeRawBufferPointer(rebasing: value[scheme.count...].drop { $0 == UInt8(ascii: " ") })
    }

    static func unauthorized(_ error: String?) -> Problem {
        var problem = Problem(.unauthorized)
        let detail = error.map { ", error=\"\($0)\"" } ?? ""
        problem.fields = [("WWW-Authenticate", "Bearer realm=\"reglament\"\(detail)")]
        return problem
    }
}
