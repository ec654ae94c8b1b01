"""Rehearsals: a plan is applied to a private copy of the account, and the next plan must be empty."""
