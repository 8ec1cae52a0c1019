"""Importance-weighted autoencoders on MNIST: the tables of Burda et al. 2015 and Rainforth et al.
2018.

    python -m experiments.papers.iwae dynamic-1-vae-1 dynamic-1-iwae-5 --raw FOLDER
    python -m experiments.papers.iwae 'dynamic-1-*' --seeds 0 1 2 --raw FOLDER
    python -m experiments.papers.iwae --table

A row of a table is a choice of data, model and objective (`rows`); a protocol is how it is trained
(`protocols`); a row, a protocol and a seed are a cell. Ctrl-C ends a cell with a checkpoint, and
the same command goes on with it. A finished cell is not run again.

Reported is the negative log-likelihood, -mean log p(x) of the 10,000 test images by 5,000
importance samples each, in nats; the lower the better.

Departures from Burda et al.: images are shuffled anew in each pass (their code keeps one order);
the loss is a mean over the batch (theirs a sum, to which Adam's eps is twenty times smaller; their
Adam has b1 = .99, and its second moment begins at one); test images are binarised once, and
training images at each step (theirs: all of them at every access); learning rates are those of the
paper (their code rounds them); the layers that give distributions their parameters begin LeCun
normal, the hidden ones Glorot uniform (theirs all Glorot); one-layer VAEs descend the rate in
closed form (theirs: sampled, the same in expectation). Active units are counted on the test images
(theirs: 500 training images), at their threshold, Var_x(E_q[z]) > 0.01, and those of a second layer
by the mean over the first, as the paper has it (their code: at one draw of the first, whose noise
then counts, so that ours may be fewer). Dynamic binarisation is trained on all 60,000 images. Rows
of Rainforth et al. have the protocols of Burda et al.

Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519; Rainforth et al. 2018, arXiv
1802.04537; the doubly reparameterized gradient: Tucker et al. 2019, arXiv 1810.04152; sticking the
landing: Roeder, Wu, Duvenaud 2017, arXiv 1703.09194.
"""
