public import HTTPWire
import Regulations

extension API {
    /// What the parser or the server refuses before a request exists, shaped like every other error.
    ///
    /// `fields` are those of a head whose lines could all be read. Nil: in English and under a new name, since whatever the request says
    /// of these was not read.
    /// `bodyBytesMax`: what the server takes.
    public func refusal(_ refusal: WireRefusal, _ fields: Fields?, bodyBytesMax: Int) -> Response {
        let identity = RequestIdentity(fields?.values("x-request-id") ?? [])
        let language = Negotiation.language(fields?.values("accept-language") ?? [])
        var problem = Problem(API.problemType(of: refusal), ["max": API.size(bodyBytesMax)])
        // The wire layer knows one language.
        if refusal != .bodyTooLarge, language == .en { problem.detail = refusal.sentence }
        return problem.answer(texts, in: language, instance: identity.instance).response(requestID: identity.id)
    }

    /// In the largest unit of which it is a whole number.
    private static func size(_ bytes: Int) -> String {
        if bytes % 1_048_576 == 0 { return "\(bytes / 1_048_576) MiB" }
        return bytes % 1_024 == 0 ? "\(bytes / 1_024) KiB" : "\(bytes) B"
    }

    static func problemType(of refusal: WireRefusal) -> ProblemType {
        switch refusal {
        case .badLineEnd, .controlByte, .badRequestLine, .badMethod, .badTarget, .badVersion, .badField, .missingHost,
            .repeatedHost, .badHost, .badContentLength, .badTransferCoding, .twoFramings, .badConnection, .badChunk,
            .badTrailer, .notEncrypted:
            .malformedRequest
        case .methodTooLong, .unknownTransferCoding: .notImplemented
        case .targetTooLong: .targetTooLong
        case .unsupportedVersion: .versionNotSupported
        case .headTooLarge, .tooManyFields, .trailersTooLarge: .headerTooLarge
        case .unknownExpectation: .expectationFailed
        case .bodyTooLarge: .contentTooLarge
        case .timedOut: .requestTimeout
        case .overloaded: .overloaded
        }
    }
}
