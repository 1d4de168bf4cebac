"""A population that signs in, and three attackers, in the columns of the public rba-dataset. Nobody in it is real.

For developing and comparing models where no labelled sign-ins are at hand. What a model reaches here is a *simulated*
figure: the simulator and the model have the same authors, and no shop's customers are like these.

Column names and attackers follow Wiefling, Jørgensen, Thunem and Lo Iacono, "Pump Up Password Security! Evaluating and
Enhancing Risk-Based Authentication on a Real-World Large-Scale Online Service", ACM TOPS 26(1), 2022 (doi
10.1145/3546069), whose data set is github.com/das-group/rba-dataset (CC BY 4.0): no row or value of it is used here.

Parameters and their sources:
- a home's address lives 3, 30 or 240 days, by provider: that providers renumber periodically, in multiples of 24 h, is
  from Padmanabhan et al., "Reasons Dynamic Addresses Change", IMC 2016; the lengths and their shares: our assumption;
- half of the new addresses lie in another /24: the same paper (almost half of the changes go to an entirely different
  prefix);
- browsers update every 28 days, each device with a lag of its own: that user agents change within days to weeks for
  updates is from Vastel et al., "FP-STALKER", IEEE S&P 2018; the length and the lags: our assumption;
- a round-trip time is measured end to end, through whatever proxy is in between: Wiefling et al.; every number: our
  assumption;
- the naive attacker comes from any country, the VPN attacker from the victim's, both with a browser customers have;
  the targeted attacker has the victim's city, provider and exact user agent, and an address of that provider's pool in
  that city: Wiefling et al. for the three kinds; the pools' sizes, that 15 % of targeted attackers sit in the victim's
  city and the others come through somebody's line there: our assumption;
- everything else (households, travel, phones and how often they are replaced, offices behind one address, hours, how
  often people come, typing errors, how many attacks there are, what proxies add): our assumption, constants of these
  modules.

The last column, `Attacker`, is not in the public layout: empty for the owner, else naive, vpn, targeted, or stuffing
(failed sign-ins of a leaked list, none with the right password). It is for reports alone; no model is given it.

Pure: the same users, days and seed give the same bytes.
"""
