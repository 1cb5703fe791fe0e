import Regulations
import Tickets

/// A customer of the vendor with its people and what it bought.
struct Customer: Sendable {
    let organization: Organization
    let people: [User]
    let peopleSkew: Skew
    /// By the place of the product in `Cast.products`.
    let contracts: [Int: Contract]
    /// Which of them its tickets are about, the favourite first.
    let products: [Int]
    let productSkew: Skew
}

/// Who there is: customers, a few with most of the tickets, and engineers in teams, in each of which a few have most of the
/// work.
struct Cast: Sendable {
    /// Its tickets are one in a hundred.
    static let onePercent = "org-one-percent"

    /// In the order of their codes; each with its regulation.
    let products: [TicketRules]
    /// The first is `onePercent`.
    let customers: [Customer]
    let engineers: [User]
    private let teams: Int
    private let teamSkew = Skew(Cast.teamSize, exponent: 0.8)
    private let customerSkew: Skew

    private static let teamSize = 20
    /// One in twenty is open: a team has five hundred at a time, and whoever has most of them 85. More tickets are the work
    /// of more people.
    private static let ticketsPerTeam = 10_000

    init(rules: [TicketRules], seed: UInt64, tickets: Int) {
        var generator = SeededGenerator(seed: seed, stream: -1)
        var number = 0
        func user(_ role: Role, _ organization: String?, _ generator: inout SeededGenerator) -> User {
            number += 1
            let name = "\(generator.pick(Self.firstNames)) \(generator.pick(Self.lastNames))"
            return User(
                id: generator.id(), email: "person\(number)@example.com", name: name,
                role: role, organization: organization)
        }
        products = rules
        let teams = max(1, tickets / Self.ticketsPerTeam)
        self.teams = teams
        let teamSize = Self.teamSize
        engineers = (0..<teams * teamSize).map {
            user($0 % teamSize == teamSize - 1 ? .lead : .engineer, nil, &generator)
        }
        customers = (0...420).map { place in
            let code = place == 0 ? Self.onePercent : "org-\(place)"
            let people = (0..<(place == 0 ? 12 : 3 + generator.below(10))).map { _ in
                user(.customer, code, &generator)
            }
            var bought = Array(rules.indices)
            bought.shuffle(using: &generator)
            if place > 0 { bought = Array(bought.prefix(1 + generator.below(3))) }
            var contracts: [Int: Contract] = [:]
            for product in bought {
                let plan = generator.unit()
                contracts[product] = Contract(
                    id: generator.id(), organization: code,
                    product: rules[product].policy.code, plan: plan < 0.3 ? "extended" : plan < 0.8 ? "standard" : nil,
                    validFrom: CalendarDate(daysSince1970: 14_610), validTo: nil, autoCloseAfterWorkingDays: nil,
                    responsibleContacts: people.prefix(2).map(\.id))
            }
            return Customer(
                organization: Organization(code: code, name: "Company \(place)"), people: people,
                peopleSkew: Skew(people.count, exponent: 1), contracts: contracts, products: bought,
                productSkew: Skew(bought.count, exponent: 1))
        }
        customerSkew = Skew(customers.count - 1, exponent: 0.9)
    }

    /// Whose the next ticket is.
    func customer(_ generator: inout SeededGenerator) -> Int {
        generator.isOnce(in: 0.01) ? 0 : 1 + customerSkew.draw(&generator)
    }

    func engineer(_ generator: inout SeededGenerator) -> User {
        engineers[generator.below(teams) * Self.teamSize + teamSkew.draw(&generator)]
    }

    private static let firstNames = [
        "Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Игорь", "Кира", "Лев", "Мария", "Нина", "Олег",
        "Alice",
        "Bob", "Carol", "Dave", "Erin", "Frank", "Grace",
    ]
    private static let lastNames = [
        "Образцова", "Примеров", "Случайная", "Тестов", "Условная", "Sample", "Specimen", "Example", "Person", "Model",
    ]
}
