import Kernels

/// Runs the stages of a plan over the memory of a frame.
extension Frame: TeamWork {
    /// Computes everything that depends on the source alone: `sourceLengths` and the source's tokens or vectors are set.
    /// - Throws: with checks, `NetworkError.notFinite`.
    func read(_ team: ThreadTeam) throws(NetworkError) {
        sourceSteps = sourceLengths.max() ?? 0
        longestSource = sourceSteps
        isRagged = sourceLengths.contains { $0 != sourceSteps }
        begin(.source)
        isOneRow = batch == 1 && sourceSteps == 1
        running = plan.reading
        team.run(self)
        try throwNonFinite()
    }

    /// Computes one chunk of generated steps: `targetLengths` and the chunk's tokens or vectors are set. Afterwards the past of the
    /// next chunk is in place; results must be read before that, by `results`.
    /// - Throws: with checks, `NetworkError.notFinite`; then there is no next chunk.
    func advance(_ team: ThreadTeam, results: () throws -> Void) throws {
        targetSteps = targetLengths.max() ?? 0
        isRagged = targetLengths.contains { $0 != targetSteps }
        isOneRow = batch == 1 && targetSteps == 1
        running = plan.stepping
        team.run(self)
        try throwNonFinite()
        defer { carry() }
        try results()
    }

    /// Computes everything of a training plan: lengths, tokens and targets are set. Afterwards each sequence's past is what it ends with.
    /// - Parameter future: may write what stands after the last steps.
    func train(_ team: ThreadTeam, future: () -> Void = {}) {
        sourceSteps = sourceLengths.max() ?? 0
        targetSteps = targetLengths.max() ?? 0
        longestSource = sourceSteps
        isRagged = [sourceLengths, targetLengths].contains { lengths in lengths.contains { $0 != lengths[0] } }
        isOneRow = false
        begin(.source)
        for sequence in 0..<batch { begins[sequence] ? begin(.target, sequence: sequence) : beginFuture(sequence) }
        future()
        running = plan.stepping
        team.run(self)
        carry()
    }

    /// One member's share of the running stages.
    func run(_ member: ThreadTeam.Member) {
        let mode = FloatingPointMode.flushSubnormals()
        defer { mode.restore() }
        for stage in running {
            switch stage {
            case .straight(let tasks):
                for task in tasks {
                    if isOneRow ? task.waitsForOneRow : task.waits { member.barrier() }
                    task.instruction.run(self, steps: 0..<steps(task.instruction.clock), member: member)
                    if checks { inspect(task, steps: 0..<steps(task.instruction.clock), member) }
                    if isRagged, !task.delayed.isEmpty { settle(task.delayed, task.instruction.clock, member) }
                }
            case .loop(let tasks, let clock, let backward):
                let count = steps(clock)
                if count == 0 { member.barrier() }
                if isDivided(member) {
                    member.barrier()
                    let alone = member.alone(withShareOf: batch, unit: Self.sequencesAtOnce)
                    for i in 0..<count {
                        let step = backward ? count &- 1 &- i : i
                        for task in tasks { task.instruction.run(self, steps: step..<step &+ 1, member: alone) }
                    }
                    member.barrier()
                    continue
                }
                for i in 0..<count {
                    let step = backward ? count &- 1 &- i : i
                    if i > 0 { member.barrier() }
                    for task in tasks {
                        if isOneRow ? task.waitsForOneRow : task.waits { member.barrier() }
                        task.instruction.run(self, steps: step..<step &+ 1, member: member)
                        if checks { inspect(task, steps: step..<step &+ 1, member) }
                        if isRagged, !task.delayed.isEmpty { settle(task.delayed, clock, at: step, member) }
                    }
                }
            }
        }
    }

    /// Rows that products have at least, to be at their best.
    private static let sequencesAtOnce = 8

    /// Whether each member computes a loop for sequences of its own, where there are enough of them: then none waits for another, and
    /// no state moves between cores.
    private func isDivided(_ member: ThreadTeam.Member) -> Bool {
        member.count > 1 && !isRagged && !checks && batch >= Self.sequencesAtOnce &* member.count
    }

    func steps(_ clock: Clock) -> Int {
        switch clock {
        case .constant, .once, .total: 1
        case .source: sourceSteps
        case .target: targetSteps
        }
    }

    // MARK: Sequences of unequal length

    /// What follows the end of each sequence is its own `start:`, not what was computed beyond it.
    private func settle(_ buffers: [Int], _ clock: Clock, _ member: ThreadTeam.Member) {
        guard clock.isTimed else { return }
        member.barrier()
        if member.index == 0 {
            for index in buffers {
                for (place, start) in plan.buffers[index].after.enumerated() {
                    for (sequence, length) in lengths(clock).enumerated() {
                        let row = memory[index].row(step: length + place, sequence: sequence)
                        write(start, shape: plan.buffers[index].shape, to: row, sequence)
                    }
                }
            }
        }
        member.barrier()
    }

    /// The same at one step of a loop. A ring that goes on into the next chunk keeps the last values of a sequence that has ended.
    private func settle(_ buffers: [Int], _ clock: Clock, at step: Int, _ member: ThreadTeam.Member) {
        member.barrier()
        if member.index == 0 {
            for index in buffers {
                let buffer = plan.buffers[index]
                for (sequence, length) in lengths(clock).enumerated() where step >= length {
                    if step - length < buffer.after.count {
                        let row = memory[index].row(step: step, sequence: sequence)
                        write(buffer.after[step - length], shape: buffer.shape, to: row, sequence)
                    } else if clock == .target, memory[index].ring > 0 {
                        for past in 0..<buffer.before.count {
                            memory[index].row(step: step - past, sequence: sequence)
                                .update(
                                    from: memory[index].row(step: step - past - 1, sequence: sequence),
                                    count: memory[index].rowStride)
                        }
                    }
                }
            }
        }
        member.barrier()
    }

    // MARK: State

    /// Copies what a sequence carries from step to step.
    func state(of sequence: Int) -> [[Float]] {
        plan.slots.map { slot in
            let count = slot.shape.count(source: sourceLengths[sequence])
            return slot.depths.flatMap { depth in
                Array(UnsafeBufferPointer(start: memory[slot.buffer].row(step: -depth, sequence: sequence), count: count))
            }
        }
    }

    /// - Precondition: the values have the sizes of `state(of:)`.
    func setState(_ values: [[Float]], of sequence: Int) {
        for (slot, value) in zip(plan.slots, values) {
            let count = value.count / slot.depths.count
            value.withUnsafeBufferPointer { value in
                guard let base = value.baseAddress else { return }
                for (place, depth) in slot.depths.enumerated() {
                    memory[slot.buffer].row(step: -depth, sequence: sequence).update(from: base + place * count, count: count)
                }
            }
        }
    }

    /// Takes the past of every sequence from another frame of the same plan and batch.
    func takeState(from other: Frame) {
        for (index, buffer) in plan.buffers.enumerated() where buffer.clock == .target {
            for past in 0..<buffer.before.count {
                for sequence in 0..<batch {
                    memory[index].row(step: -1 - past, sequence: sequence)
                        .update(
                            from: other.memory[index].row(step: -1 - past, sequence: sequence), count: memory[index].rowStride)
                }
            }
        }
    }
}
