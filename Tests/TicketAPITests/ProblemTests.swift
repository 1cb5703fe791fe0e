import HTTPWire
import JSONText
import Regulations
import TestKit
import Testing
import Tickets

@testable import TicketAPI

@Suite struct ProblemTests {
    @Test func `both languages have exactly the texts that the code asks for`() throws {
        _ = try Sample.texts.get()
    }

    @Test(arguments: Texts.keys.sorted())
    func `a text is in the language that it is for`(key: String) throws {
        let texts = try Sample.texts.get()
        #expect(texts.text(key, .en).contains(/[a-z]/) && !texts.text(key, .en).contains(/[а-яё]/.ignoresCase()))
        #expect(texts.text(key, .ru).contains(/[а-яё]/.ignoresCase()), "\(key)")
    }

    @Test func `what lower modules call a fault has its text`() throws {
        let known = Set(FaultCode.allCases.map(\.rawValue))
        var said: Set<String> = []
        for folder in ["Sources/JSONText", "Sources/Tickets"] {
            for name in try Repository.files(in: folder) where name.hasSuffix(".swift") {
                let text = try Repository.text("\(folder)/\(name)")
                said.formUnion(text.matches(of: /(?:code: |fault\(|\.add\()"(\w+)"/).map { String($0.output.1) })
            }
        }
        #expect(said.count >= 10 && said.subtracting(known) == [])
    }

    @Test func `a file of texts with faults is refused with all of them`() throws {
        let good = try Repository.text("Config/texts/en.json")
        let bad = good.replacing("\"fault.blank\"", with: "\"fault.blnk\"").replacing("{min}", with: "{minimum}")
        let error = #expect(throws: TextsError.self) { try Texts(en: Array(good.utf8), ru: Array(bad.utf8)) }
        #expect(
            error?.faults == [
                "ru.json: fault.blank: missing", "ru.json: fault.blnk: unknown",
                "ru.json: fault.out_of_range: other placeholders than in en.json",
            ])
        #expect(throws: TextsError.self) { try Texts(en: Array("[]".utf8), ru: Array(good.utf8)) }
        #expect(throws: TextsError.self) { try Texts(en: Array("{".utf8), ru: Array(good.utf8)) }
    }

    @Test func `the reference lists every problem with its status and every code of a fault`() throws {
        let rows = try Repository.text("docs/reference/errors.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
        let listed = rows.map { $0.split(separator: "|").prefix(2).joined(separator: "|") }
        let problems = ProblemType.allCases.map { " `\($0.rawValue)` | \($0.status) " }
        let faults = FaultCode.allCases.map { " `\($0.rawValue)` |" }
        #expect(listed.prefix(problems.count).elementsEqual(problems))
        for code in faults { #expect(rows.contains { $0.dropFirst().hasPrefix(code) }, "\(code)") }
        #expect(rows.count == problems.count + faults.count)
    }

    @Test func `a problem says all its faults, in the language asked for`() throws {
        let problem = Problem.invalid([
            Fault(.missing, at: .pointer("/subject")),
            Fault(.outOfRange, at: .parameter("limit"), ["min": "1", "max": "200"]),
        ])
        let texts = try Sample.texts.get()
        let answer = problem.answer(texts, in: .ru, instance: "00000000-0000-4000-8000-000000000000")
        #expect(answer.status == 422)
        #expect(answer.contentType == "application/problem+json")
        #expect(
            String(decoding: answer.body, as: UTF8.self) == """
                {"type":"/problems/invalid-input","title":"Недопустимые данные","status":422,\
                "detail":"В запросе есть ошибки; все они перечислены в errors.",\
                "instance":"urn:uuid:00000000-0000-4000-8000-000000000000","errors":[\
                {"pointer":"/subject","code":"missing","detail":"Это обязательно."},\
                {"parameter":"limit","code":"out_of_range","detail":"Значение должно быть от 1 до 200."}]}
                """)
    }

    @Test func `a refused transition says the state and what is possible`() throws {
        let problem = Problem(Refusal.transitionNotAllowed(state: .closed, actions: [.link]))
        let json = try JSON(problem.answer(try Sample.texts.get(), in: .en, instance: "x").body)
        #expect(json["status"].integer == 409)
        #expect(json["state"].string == "closed")
        #expect(json["actions"].strings == ["link"])
    }

    @Test func `every error of the domain and the store has its problem`() {
        #expect(Problem(Refusal.notAuthorisedToConfirm).type == .notAuthorisedToConfirm)
        #expect(Problem(Refusal.noContractInForce).type == .noContractInForce)
        #expect(Problem(Refusal.invalid([])).type == .invalidInput)
        #expect(Problem(StoreError.unavailable("x")).type == .unavailable)
        #expect(Problem(StoreError.overloaded).type == .overloaded)
        #expect(Problem(StoreError.faster).type == .overloaded)
        #expect(Problem(StoreError.keyReused).type == .idempotencyKeyReused)
        #expect(Problem(StoreError.keyInProgress).type == .idempotencyKeyInProgress)
        #expect(Problem(StoreError.unexpected("x")).type == .internalError)
        #expect(Problem(CancellationError()).type == .internalError)
        #expect(Problem(StoreError.overloaded).fields.map(\.name) == ["Retry-After"])
    }

    @Test func `a value with braces in it stays what it is`() {
        #expect(Texts.fill("a {x} {y} {", ["x": "{y}", "y": "1"]) == "a {y} 1 {")
        #expect(Texts.fill(#"`{"priority": …}` {x}"#, ["x": "1"]) == #"`{"priority": …}` 1"#)
    }

    @Test(arguments: WireRefusal.allCases)
    func `what the parser refuses has the status that it suggests`(refusal: WireRefusal) {
        #expect(API.problemType(of: refusal).status == refusal.status)
    }

    @Test func `only final refusals are kept under a key`() {
        let kept = Set(ProblemType.allCases.filter(\.isKept).map(\.status))
        #expect(kept.isDisjoint(with: [400, 401, 408, 413, 415, 429, 500, 501, 503, 505]))
        #expect(kept.isSuperset(of: [403, 404, 409, 412, 422]))
        #expect(!ProblemType.idempotencyKeyInProgress.isKept)
        #expect(!ProblemType.idempotencyKeyReused.isKept)
    }
}
