import Testing
import Training

@Suite struct LearnerBatchTests {
    @Test func targetsWithoutALossAreNotCounted() {
        let batch = Batch(inputs: [[1, 2], [3, 4]], targets: [[2, -1], [4, 0]], begins: [true, false])
        #expect(batch.targetCount == 3)
    }
}
