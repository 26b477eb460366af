"""Writes NAME.safetensors beside this file: small random vision backbones and what their own libraries compute.

    python dump_backbones.py [NAME ...]   # torch 2.11.0, transformers 4.57.6, timm 1.0.31, torchvision 0.26.0,
                                          # efficientnet_lite_pytorch 0.1.0

A file holds the library's state dict under its published keys (float16, to which the weights were rounded before they were
used) and, for each case N, `golden.N.pixels` [2,3,S,S] and `golden.N.tokens` [2,P,D]. Its metadata say which `naming` and key
`prefix` the state dict has, which keys lie outside, and as `case.N` the parameters of the backbone in YAML. tests/support/golden_backbone.h reads it.
"""
import sys
from pathlib import Path

import timm
import torch
import torchvision
import transformers
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file
from timm.layers import SwiGLUPacked
from timm.models.efficientnet import _gen_efficientnet_lite
from timm.models.resnet import ResNet as TimmResNet
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torchvision.models import resnet as tv


def randomise(model):
    """Values that keep activations near 1, exact in float16."""
    for name, tensor in model.state_dict().items():
        if name.endswith('num_batches_tracked'):
            continue
        noise = torch.randn_like(tensor)
        if name.endswith('running_var'):
            value = 0.5 + torch.rand_like(tensor)
        elif tensor.dim() > 1 and tensor.shape[0] > 1 and 'pos' not in name:
            value = noise * tensor[0].numel() ** -0.5
        elif name.endswith(('gamma', 'lambda1')) or (name.endswith('weight') and tensor.dim() == 1):
            value = 1 + 0.3 * noise
        else:
            value = 0.3 * noise
        tensor.copy_(value.half())
    return model.eval()


def tokens_of(feature_map):
    return feature_map.flatten(2).transpose(1, 2)


class Golden:
    def __init__(self, name, model, naming, prefix='', ignore='-'):
        self.name, self.naming, self.prefix, self.ignore = name, naming, prefix, ignore
        self.model = randomise(model)
        self.rename = lambda state: state
        self.tensors, self.metadata = {}, {}

    def case(self, params, size, forward):
        n = len(self.metadata)
        pixels = torch.randn(2, 3, size, size)
        self.metadata[f'case.{n}'] = '{' + params + f', image_size: {size}' + '}'
        self.tensors[f'golden.{n}.pixels'] = pixels
        self.tensors[f'golden.{n}.tokens'] = forward(pixels).contiguous()
        return self

    def write(self):
        for key, value in self.rename(self.model.state_dict()).items():
            self.tensors[key] = value.half().contiguous() if value.is_floating_point() else value
        libraries = {m.__name__: m.__version__ for m in (torch, transformers, timm, torchvision)}
        file = Path(__file__).parent / f'{self.name}.safetensors'
        save_file(self.tensors, file, {'naming': self.naming, 'prefix': self.prefix, 'ignore': self.ignore, **self.metadata, **libraries})
        print(file.name, file.stat().st_size)


VIT = 'hidden_size: 24, num_layers: 2, num_heads: 3'


def siglip_huggingface():
    config = transformers.SiglipVisionConfig(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                                             image_size=22, patch_size=5)
    model = transformers.SiglipVisionModel(config)
    params = f'type: siglip, {VIT}, intermediate_size: 40, patch_size: 5'
    golden = Golden('siglip_huggingface', model, 'huggingface', 'vision_model.')
    golden.case(params, 22, lambda x: model(x).last_hidden_state)
    for size in (15, 35):
        golden.case(params + ', position_image_size: 22', size,
                    lambda x: model(x, interpolate_pos_encoding=True).last_hidden_state)
    golden.write()


def siglip_timm():
    model = VisionTransformer(img_size=20, patch_size=5, embed_dim=24, depth=2, num_heads=3, mlp_ratio=40 / 24, class_token=False,
                              global_pool='map', act_layer='gelu_tanh', num_classes=0)
    params = f'type: siglip, {VIT}, intermediate_size: 40, patch_size: 5'
    Golden('siglip_timm', model, 'timm').case(params, 20, model.forward_features).write()


DINO = f'type: dinov2, {VIT}, patch_size: 4'


def dinov2_config(kind, **more):
    return kind(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, image_size=28, patch_size=4, mlp_ratio=2, **more)


def dinov2_plain():
    return (transformers.Dinov2Model(dinov2_config(transformers.Dinov2Config)),
            DINO + ', intermediate_size: 48, position_image_size: 28')


def dinov2_with_registers():
    config = dinov2_config(transformers.Dinov2WithRegistersConfig, num_register_tokens=3, use_swiglu_ffn=True)
    return (transformers.Dinov2WithRegistersModel(config),
            DINO + ', intermediate_size: 32, swiglu: true, num_register_tokens: 3, position_image_size: 28, '
            'position_interpolation: antialiased')


FACEBOOK = {  # what transformers' convert_dinov2_with_registers_to_hf.py renames, turned round
    'embeddings.position_embeddings': 'pos_embed', 'embeddings.patch_embeddings.projection': 'patch_embed.proj',
    'embeddings.': '', 'encoder.layer.': 'blocks.', 'attention.output.dense': 'attn.proj', 'layernorm': 'norm',
    'layer_scale1.lambda1': 'ls1.gamma', 'layer_scale2.lambda1': 'ls2.gamma', 'weights_in': 'w12', 'weights_out': 'w3'}


def facebook_names(state):
    out = {}
    for key, value in state.items():
        if '.attention.attention.' in key:
            if '.query.' not in key:
                continue
            value = torch.cat([state[key.replace('query', part)] for part in ('query', 'key', 'value')])
            key = key.replace('attention.attention.query', 'attn.qkv')
        for new, old in FACEBOOK.items():
            key = key.replace(new, old)
        out[key] = value
    return out


def dinov2_huggingface():
    for name, make in (('dinov2', dinov2_plain), ('dinov2_registers', dinov2_with_registers)):
        model, params = make()
        golden = Golden(f'{name}_huggingface', model, 'huggingface')
        for size in (28, 16, 36):
            golden.case(params, size, lambda x: model(x).last_hidden_state)
        golden.write()
        golden = Golden(f'{name}_facebook', model, 'facebook')
        golden.rename = facebook_names
        golden.case(params, 16, lambda x: model(x).last_hidden_state).write()


def dinov2_timm():
    model = VisionTransformer(img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=3, mlp_ratio=2, init_values=1.0,
                              num_classes=0)
    Golden('dinov2_timm', model, 'timm').case(DINO + ', intermediate_size: 48', 16, model.forward_features).write()


def dinov2_registers_timm():
    model = VisionTransformer(img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=3, mlp_ratio=4, init_values=1.0,
                              num_classes=0, reg_tokens=4, no_embed_class=True, mlp_layer=SwiGLUPacked, act_layer=nn.SiLU)
    params = DINO + ', intermediate_size: 48, swiglu: true, num_register_tokens: 4, class_position: false'
    Golden('dinov2_registers_timm', model, 'timm').case(params, 16, model.forward_features).write()


class TinyTorchvision(tv.ResNet):
    """torchvision's ResNet with 4 channels where the published ones have 64."""

    def __init__(self, block, depths):
        nn.Module.__init__(self)
        self._norm_layer, self.groups, self.base_width, self.dilation, self.inplanes = nn.BatchNorm2d, 1, 64, 1, 4
        self.conv1 = nn.Conv2d(3, 4, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        for i, depth in enumerate(depths):
            self.add_module(f'layer{i + 1}', self._make_layer(block, 4 << i, depth, stride=2 if i else 1))
        self.fc = nn.Linear(4 * 8 * block.expansion, 10)

    def stages(self, x, last):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for i in range(last):
            x = getattr(self, f'layer{i + 1}')(x)
        return tokens_of(x)


def resnet_torchvision():
    for name, block in (('basic', tv.BasicBlock), ('bottleneck', tv.Bottleneck)):
        model = TinyTorchvision(block, [1, 2, 1, 1])
        golden = Golden(f'resnet_torchvision_{name}', model, 'torchvision')
        for size, last in ((64, 4), (37, 3)):
            params = f'type: resnet, block: {name}, depths: [1, 2, 1, 1], stem_width: 4, width: 4, out_stage: {last}'
            golden.case(params, size, lambda x: model.stages(x, last))
        golden.write()


def resnet_timm():
    """Groups: ResNeXt's blocks, which are 2 · 8 / 64 times as wide inside."""
    model = TimmResNet(timm.models.resnet.Bottleneck, [1, 1, 2, 1], channels=(8, 16, 32, 64), cardinality=2, base_width=16,
                       stem_width=64, num_classes=10)
    params = 'type: resnet, block: bottleneck, depths: [1, 1, 2, 1], width: 8, groups: 2, group_width: 16'
    Golden('resnet_timm', model, 'timm').case(params, 48, lambda x: tokens_of(model.forward_features(x))).write()


def resnet_huggingface():
    for name, factor in (('basic', 1), ('bottleneck', 4)):
        config = transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4 * factor << i for i in range(4)], depths=[1, 2, 1, 1],
                                           layer_type=name)
        model = transformers.ResNetForImageClassification(config)
        golden = Golden(f'resnet_huggingface_{name}', model, 'huggingface', 'resnet.', 'classifier.*')
        golden.case(f'type: resnet, block: {name}, depths: [1, 2, 1, 1], stem_width: 4, width: 4', 64,
                    lambda x: tokens_of(model.resnet(x).last_hidden_state))
        golden.write()


def efficientnet_lite_timm():
    model = _gen_efficientnet_lite('tf_efficientnet_lite0', channel_multiplier=0.07, depth_multiplier=0.5, pad_type='same',
                                   bn_eps=1e-3, num_classes=1)

    def before_head(x):
        return tokens_of(model.blocks(model.bn1(model.conv_stem(x))))

    params = 'type: efficientnet_lite, width_multiplier: 0.07, depth_multiplier: 0.5'
    golden = Golden('efficientnet_lite_timm', model, 'timm')
    golden.case(params + ', conv_head: true', 40, lambda x: tokens_of(model.forward_features(x)))
    golden.case(params + ', conv_head: false', 33, before_head)
    golden.write()


def efficientnet_lite_pytorch():
    # A width at which no stage of stride 1 keeps its number of channels, because the package would leave out the residual of its
    # first block there. No published width has such a stage.
    model = EfficientNet.from_name('efficientnet-lite0', width_coefficient=0.1, depth_coefficient=0.5, num_classes=1,
                                   image_size=None)  # which makes it pad as the picture needs

    def before_head(x):
        x = model._swish(model._bn0(model._conv_stem(x)))
        for block in model._blocks:
            x = block(x)
        return tokens_of(x)

    params = 'type: efficientnet_lite, width_multiplier: 0.1, depth_multiplier: 0.5'
    golden = Golden('efficientnet_lite_pytorch', model, 'efficientnet_pytorch')
    golden.case(params + ', conv_head: true', 40, lambda x: tokens_of(model.extract_features(x)))
    golden.case(params + ', conv_head: false', 33, before_head)
    golden.write()


@torch.no_grad()
def main(names):
    makers = [siglip_huggingface, siglip_timm, dinov2_huggingface, dinov2_timm, dinov2_registers_timm, resnet_torchvision, resnet_timm, resnet_huggingface, efficientnet_lite_timm,
              efficientnet_lite_pytorch]
    for maker in makers:
        if not names or maker.__name__ in names:
            torch.manual_seed(len(maker.__name__))
            maker()


main(sys.argv[1:])
