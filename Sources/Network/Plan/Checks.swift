import Kernels

/// Looking for numbers that are NaN or infinite, instruction by instruction.
///
/// What an instruction keeps in registers alone is not seen: a value on the way that has become finite again does no harm, and one
/// that has not shows in the first value that is written.
extension Frame {
    /// Looks at what a task has written, while no member writes anything.
    func inspect(_ task: Plan.Task, steps: Range<Int>, _ member: ThreadTeam.Member) {
        member.barrier()
        if member.index == 0 { inspect(task, steps: steps) }
        member.barrier()
    }

    func inspect(_ task: Plan.Task, steps: Range<Int>) {
        for buffer in task.written { inspect(buffer, steps: steps) }
    }

    /// Instructions run in the order of what they read, so the first value found is where it began. Only steps of the target are
    /// computed many at once and still have an order: there an earlier step comes before an earlier instruction, as when stepped.
    private func inspect(_ index: Int, steps: Range<Int>) {
        let buffer = plan.buffers[index]
        for step in steps {
            if let nonFinite, buffer.clock != .target || step >= nonFinite.step { return }
            for sequence in 0..<sequences(buffer.clock) {
                if buffer.clock.isTimed, step >= lengths(buffer.clock)[sequence] { continue }
                let row = memory[index].row(step: step, sequence: sequence)
                for value in buffer.values {
                    let count = value.shape.count(source: sourceLengths[sequence])
                    guard nonFinite.map({ step < $0.step }) ?? true,
                        let element = Self.firstNonFinite(row + value.offset, count)
                    else { continue }
                    nonFinite = Found(
                        step: step, clock: buffer.clock,
                        what: NonFinite(
                            value: value.name, isNaN: (row + value.offset)[element].isNaN, element: element,
                            sequence: batch > 1 ? sequence : nil))
                }
            }
        }
    }

    /// The index of the first element that is NaN or infinite. Elements are compared as whole numbers, many at a time.
    private static func firstNonFinite(_ elements: UnsafePointer<Float>, _ count: Int) -> Int? {
        var largest: UInt32 = 0
        for i in 0..<count { largest = max(largest, elements[i].magnitude.bitPattern) }
        if largest < Float.infinity.bitPattern { return nil }
        return (0..<count).first { !elements[$0].isFinite }
    }

    /// Looks at all that the stages of a training plan have left in memory, which keeps the values of every step.
    func firstNonFinite() -> NonFinite? {
        defer { nonFinite = nil }
        for stage in plan.stepping {
            switch stage {
            case .straight(let tasks): for task in tasks { inspect(kept(task), steps: 0..<steps(task.instruction.clock)) }
            case .loop(let tasks, let clock, let backward):
                let count = steps(clock)
                for i in 0..<count where nonFinite == nil {
                    let step = backward ? count - 1 - i : i
                    for task in tasks { inspect(kept(task), steps: step..<step + 1) }
                }
            }
            if let nonFinite { return described(nonFinite) }
        }
        return nil
    }

    /// Without what has been overwritten since.
    private func kept(_ task: Plan.Task) -> Plan.Task {
        var task = task
        task.written.removeAll { memory[$0].ring > 0 }
        return task
    }

    /// What was found since the last call, if anything, ends the run.
    func throwNonFinite() throws(NetworkError) {
        guard checks, let found = weights.nonFinite ?? nonFinite else { return }
        nonFinite = nil
        throw .notFinite(described(found))
    }

    private func described(_ found: Found) -> NonFinite {
        var what = found.what
        switch found.clock {
        case .constant, .total: break
        case .once: what.step = firstStep
        case .source: (what.step, what.position) = (firstStep, found.step)
        case .target: what.step = (firstStep ?? 0) + found.step
        }
        return what
    }

    /// What was found in a chunk.
    struct Found: Sendable {
        var step: Int  // of the chunk
        var clock: Clock
        var what: NonFinite
    }
}
