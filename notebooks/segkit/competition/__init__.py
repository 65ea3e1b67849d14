"""Data and models of the competition: KITTI's streets, and a zoo of networks beside the student's own SegFormer."""
