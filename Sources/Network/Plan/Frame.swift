import Kernels

/// The memory of a plan in use: one batch of sequences. Rows of a buffer are ordered by step, then by sequence.
final class Frame {
    struct Memory {
        var base: UnsafeMutablePointer<Float>
        /// Floats between the rows of two sequences; 0 for a constant, which all share.
        var rowStride: Int
        /// Floats between two steps; 0 for what is not timed.
        var stepStride: Int
        /// Where step 0 of the chunk is, in steps.
        var origin: Int
        /// Steps in a ring; 0 when the steps of the chunk stand side by side.
        var ring: Int

        /// - Parameter step: of the chunk, the place's shift included.
        @inline(__always)
        func row(step: Int, sequence: Int) -> UnsafeMutablePointer<Float> {
            var position = origin &+ step
            if ring > 0 {
                // Seldom more than once: a division takes longer.
                while position >= ring { position &-= ring }
                while position < 0 { position &+= ring }
            }
            return base + (position &* stepStride &+ sequence &* rowStride)
        }
    }

    let plan: Plan
    let weights: Weights
    let kernels = KernelTable.current
    let batch: Int
    /// Steps that fit into a chunk: of a source, and of the target.
    let sourceCapacity: Int
    let targetCapacity: Int
    /// Memory for each of the plan's buffers. Constants point into the weights.
    let memory: UnsafeMutablePointer<Memory>
    /// Token ids of the chunk, by step and sequence.
    let sourceTokens: UnsafeMutablePointer<Int32>
    let targetTokens: UnsafeMutablePointer<Int32>
    /// For training: the token that should follow each step, negative where no loss is taken, by step and sequence.
    let targets: UnsafeMutablePointer<Int32>
    /// What losses are multiplied by.
    var lossScale: Float = 1
    /// Sequences whose first step in this chunk is their first.
    var begins: [Bool]
    /// Decides what is dropped out; nil: nothing is.
    var dropoutSeed: UInt64?
    /// How many positions the source of each sequence has.
    var sourceLengths: [Int]
    /// How many steps of this chunk each sequence has.
    var targetLengths: [Int]
    /// Steps of the running chunk: the longest sequence's.
    var sourceSteps = 0
    var targetSteps = 0
    /// The longest source, also where none is being read.
    var longestSource = 0
    /// Whether sequences of the running chunk differ in length.
    var isRagged = false
    /// Whether one sequence is computed for one step.
    var isOneRow = false
    /// What the team is running.
    var running: [Plan.Stage] = []
    /// Whether what instructions write is looked at, and what was found.
    let checks: Bool
    var nonFinite: Found?
    /// The place of the chunk's first step, or of the token that a window ends with, among those fed.
    var firstStep: Int?
    /// Scratch of each member of the team.
    let scratch: UnsafeMutablePointer<Float>
    let scratchStride: Int
    private var owned: [UnsafeMutableRawPointer] = []

    init(
        plan: Plan, weights: Weights, batch: Int, sourceCapacity: Int, targetCapacity: Int, threads: Int, checks: Bool = false
    ) {
        self.plan = plan
        self.weights = weights
        self.batch = batch
        self.checks = checks
        self.sourceCapacity = sourceCapacity
        self.targetCapacity = targetCapacity
        sourceLengths = [Int](repeating: 0, count: batch)
        targetLengths = [Int](repeating: 0, count: batch)
        begins = [Bool](repeating: true, count: batch)
        sourceTokens = .allocate(capacity: max(1, batch * sourceCapacity))
        targetTokens = .allocate(capacity: max(1, batch * targetCapacity))
        sourceTokens.initialize(repeating: 0, count: max(1, batch * sourceCapacity))
        targetTokens.initialize(repeating: 0, count: max(1, batch * targetCapacity))
        targets = .allocate(capacity: max(1, batch * targetCapacity))
        targets.initialize(repeating: -1, count: max(1, batch * targetCapacity))
        scratchStride = max(Pass.scratchSize + Plan.padded(plan.quantizedSize), Plan.padded(plan.outerScratchSize))
        scratch = UnsafeMutableRawPointer.allocate(byteCount: scratchStride * threads * 4, alignment: 64)
            .bindMemory(to: Float.self, capacity: scratchStride * threads)
        scratch.initialize(repeating: 0, count: scratchStride * threads)
        memory = .allocate(capacity: max(1, plan.buffers.count))
        for (index, buffer) in plan.buffers.enumerated() {
            if buffer.clock == .constant {
                (memory + index).initialize(
                    to: Memory(base: weights.constant(index), rowStride: 0, stepStride: 0, origin: 0, ring: 0))
            } else {
                (memory + index).initialize(to: reserve(buffer))
            }
        }
    }

    deinit {
        sourceTokens.deallocate()
        targetTokens.deallocate()
        targets.deallocate()
        scratch.deallocate()
        memory.deallocate()
        for pointer in owned { pointer.deallocate() }
    }

    private func reserve(_ buffer: Plan.Buffer) -> Memory {
        let layout = Layout(buffer, batch: batch, sourceCapacity: sourceCapacity, targetCapacity: targetCapacity)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: layout.count * 4, alignment: 64)
        owned.append(raw)
        let base = raw.bindMemory(to: Float.self, capacity: layout.count)
        base.initialize(repeating: 0, count: layout.count)
        return Memory(
            base: base, rowStride: layout.width, stepStride: buffer.clock.isTimed ? layout.width * layout.batch : 0,
            origin: buffer.clock.isTimed ? buffer.before.count : 0, ring: layout.ring)
    }

    /// How much memory a buffer takes, and how it is divided. In floats.
    struct Layout {
        /// Of a row.
        var width: Int
        var batch: Int
        var steps = 1
        var ring = 0
        /// A vector's worth more than there is, so that a whole vector may be read at the end.
        var count: Int { steps * batch * width + vectorWidth }

        init(_ buffer: Plan.Buffer, batch: Int, sourceCapacity: Int, targetCapacity: Int) {
            width = Plan.padded(buffer.shape.count(source: max(1, sourceCapacity)))
            self.batch = buffer.clock.isShared ? 1 : batch
            // Rows that lie a multiple of 2 KiB apart would share few lines of the first-level cache.
            if self.batch > 1, width % 512 == 0 { width += vectorWidth }
            guard buffer.clock.isTimed else { return }
            let capacity = buffer.clock == .source ? sourceCapacity : targetCapacity
            let history = buffer.before.count + buffer.after.count
            if buffer.isLoopLocal || (buffer.clock == .target && capacity == 1) {
                ring = history + 1
                steps = ring
            } else {
                steps = capacity + history
            }
        }
    }

    /// Where a member rounds a vector to eight bits.
    func quantized(by member: ThreadTeam.Member) -> UnsafeMutablePointer<Float> {
        scratch + (member.index &* scratchStride &+ Pass.scratchSize)
    }

    /// Where a member packs what it adds outer products of.
    func outerScratch(_ member: ThreadTeam.Member) -> UnsafeMutablePointer<Float> { scratch + member.index &* scratchStride }

    // MARK: Rows

    /// The row of a place. For what is not timed the step is ignored.
    @inline(__always)
    func row(_ place: Plan.Place, step: Int, sequence: Int) -> UnsafeMutablePointer<Float> {
        memory[place.buffer].row(step: step &+ place.shift, sequence: sequence) + place.offset
    }

    /// Rows that a clock has at one step.
    func sequences(_ clock: Clock) -> Int { clock.isShared ? 1 : batch }

    func tokens(_ clock: Clock) -> UnsafeMutablePointer<Int32> { clock == .source ? sourceTokens : targetTokens }

    func lengths(_ clock: Clock) -> [Int] { clock == .source ? sourceLengths : targetLengths }

    // MARK: The past

    /// Puts every value of the past, and for a known sequence of the future, to its start.
    func begin(_ clock: Clock) {
        for (index, buffer) in plan.buffers.enumerated() where buffer.clock == clock {
            for sequence in 0..<batch { begin(index, sequence) }
        }
    }

    /// The same for one sequence.
    func begin(_ clock: Clock, sequence: Int) {
        for (index, buffer) in plan.buffers.enumerated() where buffer.clock == clock { begin(index, sequence) }
    }

    private func begin(_ index: Int, _ sequence: Int) {
        let buffer = plan.buffers[index]
        for (place, start) in buffer.before.enumerated() {
            write(start, shape: buffer.shape, to: memory[index].row(step: -1 - place, sequence: sequence), sequence)
        }
        beginFuture(index, sequence)
    }

    /// Of a sequence that goes on: what stands after its last step.
    func beginFuture(_ sequence: Int) {
        for (index, buffer) in plan.buffers.enumerated() where buffer.clock == .target { beginFuture(index, sequence) }
    }

    private func beginFuture(_ index: Int, _ sequence: Int) {
        let buffer = plan.buffers[index]
        let steps = buffer.clock == .source ? sourceSteps : targetSteps
        for (place, start) in buffer.after.enumerated() {
            write(start, shape: buffer.shape, to: memory[index].row(step: steps + place, sequence: sequence), sequence)
        }
    }

    func write(_ start: Plan.Buffer.Start, shape: Shape, to row: UnsafeMutablePointer<Float>, _ sequence: Int) {
        let source = sourceLengths[sequence]
        let count = shape.count(source: source)
        switch start {
        case .number(let value): row.update(repeating: value, count: count)
        case .value(let place, let own, _):
            let access = Access(of: own, in: shape)
            access.read(self.row(place, step: 0, sequence: sequence), into: row, from: 0, count: count, source: source)
        }
    }

    /// After a chunk: what comes next has these last steps as its past.
    func carry() {
        for (index, buffer) in plan.buffers.enumerated() where buffer.clock == .target && !buffer.before.isEmpty {
            if memory[index].ring > 0 {
                memory[index].origin = (memory[index].origin + targetSteps) % memory[index].ring
                continue
            }
            let width = memory[index].rowStride
            for sequence in 0..<batch where targetLengths[sequence] > 0 {
                for past in stride(from: buffer.before.count, to: 0, by: -1) {
                    let from = memory[index].row(step: targetLengths[sequence] - past, sequence: sequence)
                    memory[index].row(step: -past, sequence: sequence).update(from: from, count: width)
                }
            }
        }
    }
}
