import JSONText
import Testing
import Tickets

@Suite struct LinkingTests {
    @Test(arguments: LinkType.allCases)
    func `a ticket with as many links as it may have gets no other one`(type: LinkType) {
        func faults(_ links: Int) -> [String] {
            let target = OtherTicket(
                id: TicketID(prefix: "OMNIVOX", number: 7), product: "omnivox", organization: "acme",
                state: .registered, blocking: true, isPart: false, isWhole: false, links: links)
            let source = Linking.Source(product: "omnivox", organization: "acme")
            return Linking.faults(type, from: source, to: target, at: "/x").map { "\($0.pointer) \($0.code)" }
        }
        #expect(faults(Linking.max - 1) == [])
        #expect(faults(Linking.max) == ["/x too_many_links"])
    }
}
