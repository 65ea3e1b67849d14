"""The grader: what students never see. Builds notebooks, runs hidden tests, and hands verdicts to nbgrader."""
