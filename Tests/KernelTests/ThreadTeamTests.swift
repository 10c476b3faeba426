import Foundation
import Synchronization
import Testing

@testable import Kernels

@Suite struct ThreadTeamTests {
    @Test(arguments: [1, 2, 3, 8]) func everyMemberRunsOnceAndMeetsAtBarriers(count: Int) {
        let team = ThreadTeam(count: count)
        let arrived = Atomic<Int>(0)
        let early = Atomic<Int>(0)
        let members = Atomic<Int>(0)
        for _ in 0..<50 {
            arrived.store(0, ordering: .relaxed)
            team.run { member in
                // On a busy machine the caller may work alone.
                if member.index == 0 { members.store(member.count, ordering: .relaxed) }
                for round in 1...20 {
                    arrived.wrappingAdd(1, ordering: .relaxed)
                    member.barrier()
                    if arrived.load(ordering: .relaxed) < round * member.count { early.wrappingAdd(1, ordering: .relaxed) }
                    member.barrier()
                }
            }
            #expect(arrived.load(ordering: .relaxed) == 20 * members.load(ordering: .relaxed))
        }
        #expect(early.load(ordering: .relaxed) == 0)
    }

    @Test func sharesCoverEverythingOnce() {
        for count in 1...5 {
            for total in [0, 1, 7, 16, 17, 100] {
                for unit in [1, 16] {
                    let seen = Mutex([Int](repeating: 0, count: total))
                    ThreadTeam(count: count).run { member in
                        let share = member.share(of: total, unit: unit)
                        seen.withLock { seen in for i in share { seen[i] += 1 } }
                    }
                    #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
                }
            }
        }
    }

    @Test func unequalWorkIsDealtOut() {
        let done = Mutex(Set<Int>())
        ThreadTeam(count: 3).forEach(1000) { i in _ = done.withLock { $0.insert(i) } }
        #expect(done.withLock { $0.count } == 1000)
    }

    /// Whether they wait for work or sleep.
    @Test func helpersLeaveWithTheirTeam() {
        final class Watched { weak var team: ThreadTeam? }
        let watched = (0..<100).map { index in
            let watched = Watched()
            let team = ThreadTeam(count: 3)
            watched.team = team
            if index % 3 > 0 { team.run { $0.barrier() } }
            if index % 5 == 0 { usleep(2000) }
            return watched
        }
        #expect(watched.indices.filter { watched[$0].team != nil } == [])
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    @Test func callersTakeTurns() async {
        let team = ThreadTeam(count: 2)
        let (total, expected) = (Counter(), Counter())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<100 {
                        team.run { member in
                            member.barrier()
                            if member.index == 0 { expected.value.wrappingAdd(member.count, ordering: .relaxed) }
                            total.value.wrappingAdd(1, ordering: .relaxed)
                        }
                    }
                }
            }
        }
        #expect(total.value.load(ordering: .relaxed) == expected.value.load(ordering: .relaxed))
        #expect(total.value.load(ordering: .relaxed) >= 400)
    }
}
