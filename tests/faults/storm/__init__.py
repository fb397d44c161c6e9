"""A storm of faults over a real provider: each run follows from one number.

`plan` makes a scenario from a seed, `servers` starts and hurts processes, `faults` says
what each kind of fault does and when it strikes, `run` plays a scenario, `invariants`
says what must hold whatever happened. The long form:

    python -m tests.faults.storm --runs 200 --seed 1
    python -m tests.faults.storm --seed 17            # one run again, alone
"""
